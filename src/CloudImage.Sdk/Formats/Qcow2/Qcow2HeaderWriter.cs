using System;
using System.Buffers.Binary;
using System.Text;
using static CloudImage.Sdk.Formats.Qcow2.Qcow2Constants;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>Makes the first cluster of a new image: header, extensions, name of the backing file.</summary>
internal static class Qcow2HeaderWriter
{
    private const int HeaderLengthV3 = 112;

    private static readonly (byte Kind, byte Bit, string Name)[] s_featureNames =
    [
        (0, 0, "dirty bit"),
        (0, 1, "corrupt bit"),
        (0, 2, "external data file"),
        (0, 3, "compression type"),
        (0, 4, "extended L2 entries"),
        (1, 0, "lazy refcounts"),
        (2, 0, "bitmaps"),
        (2, 1, "raw external data"),
    ];

    /// <summary>Makes the header cluster.</summary>
    /// <exception cref="ArgumentException">The names do not fit into a cluster.</exception>
    public static byte[] Build(Qcow2Options options, Qcow2Geometry geometry, long l1Offset, long refcountTableOffset, long refcountTableClusters)
    {
        byte[] cluster = new byte[geometry.ClusterSize];
        Span<byte> bytes = cluster;
        BinaryPrimitives.WriteUInt32BigEndian(bytes, Magic);
        BinaryPrimitives.WriteInt32BigEndian(bytes[4..], options.Version);
        BinaryPrimitives.WriteInt32BigEndian(bytes[20..], geometry.ClusterBits);
        BinaryPrimitives.WriteInt64BigEndian(bytes[24..], geometry.Length);
        BinaryPrimitives.WriteInt32BigEndian(bytes[36..], geometry.L1Entries);
        BinaryPrimitives.WriteInt64BigEndian(bytes[40..], l1Offset);
        BinaryPrimitives.WriteInt64BigEndian(bytes[48..], refcountTableOffset);
        BinaryPrimitives.WriteInt32BigEndian(bytes[56..], (int)refcountTableClusters);
        int position = HeaderLengthV2;
        if (options.Version == 3)
        {
            WriteVersion3(bytes, options, geometry);
            position = HeaderLengthV3;
        }

        WriteExtensions(bytes, position, options);
        return cluster;
    }

    private static void WriteVersion3(Span<byte> bytes, Qcow2Options options, Qcow2Geometry geometry)
    {
        bool isZstd = Qcow2OptionsValidator.TypeOf(options) == Qcow2Compression.Zstd;
        ulong incompatible = (options.DataFile is null ? 0 : IncompatibleDataFile)
            | (isZstd ? IncompatibleCompression : 0)
            | (options.ExtendedL2 ? IncompatibleExtendedL2 : 0);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[72..], incompatible);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[80..], options.LazyRefcounts ? CompatibleLazyRefcounts : 0);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[88..], options.IsDataFileRaw ? AutoclearRawDataFile : 0);
        BinaryPrimitives.WriteInt32BigEndian(bytes[96..], geometry.RefcountOrder);
        BinaryPrimitives.WriteInt32BigEndian(bytes[100..], HeaderLengthV3);
        bytes[104] = isZstd ? CompressionZstd : CompressionDeflate;
    }

    private static void WriteExtensions(Span<byte> bytes, int position, Qcow2Options options)
    {
        byte[] name = Encoding.UTF8.GetBytes(options.Parent?.Name ?? string.Empty);
        byte[] format = Encoding.UTF8.GetBytes(options.Parent?.FormatName ?? string.Empty);
        byte[] dataFile = Encoding.UTF8.GetBytes(options.DataFile ?? string.Empty);
        int needed = position + Extension(format.Length) + Extension(dataFile.Length) + 8 + name.Length;
        if (name.Length > MaxBackingNameLength || needed > bytes.Length)
        {
            throw new ArgumentException($"The names of the parent ({name.Length} bytes) and the data file ({dataFile.Length} bytes) are too long: at most {MaxBackingNameLength} bytes each, and together with the header one cluster of {bytes.Length}.");
        }

        position = Append(bytes, position, ExtensionBackingFormat, format);
        position = Append(bytes, position, ExtensionDataFile, dataFile);

        // The names of the features help an older program to say what it misses; they are left out where space is short.
        int namesLength = s_featureNames.Length * FeatureNameLength;
        if (options.Version == 3 && needed + 8 + namesLength <= bytes.Length)
        {
            position = Append(bytes, position, ExtensionFeatureNames, FeatureNames(namesLength));
        }

        // The end mark is eight zero bytes, which are there already.
        position += 8;
        if (name.Length > 0)
        {
            BinaryPrimitives.WriteInt64BigEndian(bytes[8..], position);
            BinaryPrimitives.WriteInt32BigEndian(bytes[16..], name.Length);
            name.CopyTo(bytes[position..]);
        }
    }

    private static int Extension(int length) => length == 0 ? 0 : 8 + ((length + 7) & ~7);

    private static int Append(Span<byte> bytes, int position, uint type, byte[] content)
    {
        if (content.Length > 0)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes[position..], type);
            BinaryPrimitives.WriteInt32BigEndian(bytes[(position + 4)..], content.Length);
            content.CopyTo(bytes[(position + 8)..]);
        }

        return position + Extension(content.Length);
    }

    private static byte[] FeatureNames(int length)
    {
        byte[] table = new byte[length];
        for (int row = 0; row < s_featureNames.Length; row++)
        {
            Span<byte> bytes = table.AsSpan(row * FeatureNameLength, FeatureNameLength);
            bytes[0] = s_featureNames[row].Kind;
            bytes[1] = s_featureNames[row].Bit;
            _ = Encoding.ASCII.GetBytes(s_featureNames[row].Name, bytes[2..]);
        }

        return table;
    }
}
