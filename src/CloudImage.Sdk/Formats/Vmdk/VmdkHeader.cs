using System;
using System.Buffers.Binary;
using System.Numerics;
using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>The header of a hosted sparse extent, or its copy in the footer of a stream. 512 bytes, little-endian.</summary>
internal readonly struct VmdkHeader
{
    public const int Size = 512;

    public uint Version { get; init; }

    public VmdkHeaderFlags Flags { get; init; }

    public ulong Capacity { get; init; }

    public ulong GrainSectors { get; init; }

    public ulong DescriptorSector { get; init; }

    public ulong DescriptorSectors { get; init; }

    public uint TableEntries { get; init; }

    public ulong RedundantDirectorySector { get; init; }

    public ulong DirectorySector { get; init; }

    public ulong OverheadSectors { get; init; }

    public bool IsUnclean { get; init; }

    public ushort Compression { get; init; }

    public bool IsCompressed => Compression == 1;

    public bool HasMarkers => (Flags & VmdkHeaderFlags.Markers) != 0;

    public bool HasZeroedGrains => (Flags & VmdkHeaderFlags.ZeroedGrains) != 0;

    public bool IsDirectoryAtEnd => DirectorySector == VmdkConstants.DirectoryAtEnd;

    public long Length => (long)Capacity * VmdkConstants.SectorSize;

    public long GrainSize => (long)GrainSectors * VmdkConstants.SectorSize;

    /// <summary>Bytes of the disk that one grain table maps.</summary>
    public long TableCoverage => GrainSize * TableEntries;

    /// <summary>Number of grain directory entries.</summary>
    public long DirectoryCount => Length / TableCoverage + (Length % TableCoverage == 0 ? 0 : 1);

    public static bool HasMagic(ReadOnlySpan<byte> bytes) =>
        bytes.Length >= 4 && BinaryPrimitives.ReadUInt32LittleEndian(bytes) == VmdkConstants.HostedMagic;

    /// <summary>Reads and validates a header.</summary>
    /// <exception cref="DiskFormatException">A field is impossible.</exception>
    public static VmdkHeader Parse(ReadOnlySpan<byte> bytes, long fileOffset)
    {
        if (bytes.Length < Size || !HasMagic(bytes))
        {
            throw Invalid(fileOffset, "There is no sparse extent header (\"KDMV\", 512 bytes).");
        }

        VmdkHeader header = new()
        {
            Version = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]),
            Flags = (VmdkHeaderFlags)BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]),
            Capacity = BinaryPrimitives.ReadUInt64LittleEndian(bytes[12..]),
            GrainSectors = BinaryPrimitives.ReadUInt64LittleEndian(bytes[20..]),
            DescriptorSector = BinaryPrimitives.ReadUInt64LittleEndian(bytes[28..]),
            DescriptorSectors = BinaryPrimitives.ReadUInt64LittleEndian(bytes[36..]),
            TableEntries = BinaryPrimitives.ReadUInt32LittleEndian(bytes[44..]),
            RedundantDirectorySector = BinaryPrimitives.ReadUInt64LittleEndian(bytes[48..]),
            DirectorySector = BinaryPrimitives.ReadUInt64LittleEndian(bytes[56..]),
            OverheadSectors = BinaryPrimitives.ReadUInt64LittleEndian(bytes[64..]),
            IsUnclean = bytes[72] != 0,
            Compression = BinaryPrimitives.ReadUInt16LittleEndian(bytes[77..]),
        };
        header.Validate(bytes, fileOffset);
        return header;
    }

    public void WriteTo(Span<byte> bytes)
    {
        bytes[..Size].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, VmdkConstants.HostedMagic);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], Version);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], (uint)Flags);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[12..], Capacity);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[20..], GrainSectors);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[28..], DescriptorSector);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[36..], DescriptorSectors);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[44..], TableEntries);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[48..], RedundantDirectorySector);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[56..], DirectorySector);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[64..], OverheadSectors);
        bytes[72] = IsUnclean ? (byte)1 : (byte)0;
        NewLineMarks.CopyTo(bytes[73..]);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[77..], Compression);
    }

    private static ReadOnlySpan<byte> NewLineMarks => [0x0A, 0x20, 0x0D, 0x0A];

    private void Validate(ReadOnlySpan<byte> bytes, long fileOffset)
    {
        if (Version is < 1 or > 3)
        {
            throw new UnsupportedDiskFeatureException(VmdkConstants.FormatName, fileOffset + 4, $"version-{Version}", $"The sparse extent has version {Version}; versions 1 to 3 are known.");
        }

        if ((Flags & VmdkHeaderFlags.NewLineTest) != 0 && !bytes.Slice(73, 4).SequenceEqual(NewLineMarks))
        {
            throw Invalid(fileOffset + 73, "The newline marks are changed: the file was transferred as text. Transfer it again as binary.");
        }

        if (Capacity > long.MaxValue / VmdkConstants.SectorSize)
        {
            throw Invalid(fileOffset + 12, $"The capacity of {Capacity} sectors is beyond any file.");
        }

        if (!BitOperations.IsPow2(GrainSectors) || GrainSectors > VmdkConstants.MaxGrainSize / VmdkConstants.SectorSize)
        {
            throw Invalid(fileOffset + 20, $"The grain has {GrainSectors} sectors; a power of two up to 2097152 was expected.");
        }

        if (TableEntries is 0 or > 512)
        {
            throw Invalid(fileOffset + 44, $"A grain table has {TableEntries} entries; 1 to 512 were expected.");
        }

        if (Compression > 1)
        {
            throw new UnsupportedDiskFeatureException(VmdkConstants.FormatName, fileOffset + 77, $"compression-{Compression}", $"The compression algorithm is {Compression}; 0 (none) and 1 (deflate) are known.");
        }

        if (IsCompressed && GrainSize > VmdkConstants.MaxCompressedGrainSize)
        {
            throw new UnsupportedDiskFeatureException(VmdkConstants.FormatName, fileOffset + 20, "large-compressed-grain", $"Compressed grains have {GrainSize} bytes; at most {VmdkConstants.MaxCompressedGrainSize} are read.");
        }
    }

    private static DiskFormatException Invalid(long fileOffset, string message) => new(VmdkConstants.FormatName, fileOffset, message);
}
