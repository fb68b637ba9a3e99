using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;
using static CloudImage.Sdk.Formats.Qcow2.Qcow2Constants;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>The header of a version 2 or 3 image with its extensions, validated once. Big-endian on disk. Immutable.</summary>
internal sealed class Qcow2Header
{
    private readonly List<(byte Kind, byte Bit, string Name)> _featureNames = [];

    private Qcow2Header()
    {
    }

    public int Version { get; private set; }

    public int ClusterBits { get; private set; }

    public int ClusterSize => 1 << ClusterBits;

    public long VirtualSize { get; private set; }

    public int CryptMethod { get; private set; }

    public int L1Entries { get; private set; }

    public long L1Offset { get; private set; }

    public long RefcountTableOffset { get; private set; }

    public int RefcountTableClusters { get; private set; }

    public int SnapshotCount { get; private set; }

    public long SnapshotTableOffset { get; private set; }

    public ulong IncompatibleFeatures { get; private set; }

    public ulong CompatibleFeatures { get; private set; }

    public ulong AutoclearFeatures { get; private set; }

    public int RefcountOrder { get; private set; }

    public int HeaderLength { get; private set; }

    public byte CompressionType { get; private set; }

    public long BackingFileOffset { get; private set; }

    public string? BackingFileName { get; private set; }

    public string? BackingFormat { get; private set; }

    public string? DataFileName { get; private set; }

    public bool HasBitmaps { get; private set; }

    public int BitmapCount { get; private set; }

    public long BitmapDirectoryOffset { get; private set; }

    public long BitmapDirectoryLength { get; private set; }

    public long EncryptionOffset { get; private set; }

    public long EncryptionLength { get; private set; }

    public bool HasExtendedL2 => (IncompatibleFeatures & IncompatibleExtendedL2) != 0;

    public bool HasDataFile => (IncompatibleFeatures & IncompatibleDataFile) != 0;

    public bool IsDataFileRaw => HasDataFile && (AutoclearFeatures & AutoclearRawDataFile) != 0;

    public bool IsDirty => (IncompatibleFeatures & (IncompatibleDirty | IncompatibleCorrupt)) != 0;

    /// <summary>Log2 of the number of entries in an L2 table.</summary>
    public int L2Bits => ClusterBits - (HasExtendedL2 ? 4 : 3);

    public int L2EntryLength => HasExtendedL2 ? 16 : 8;

    /// <summary>Bytes of the disk that one L1 entry covers.</summary>
    public long L2Coverage => 1L << (ClusterBits + L2Bits);

    public static async ValueTask<Qcow2Header> ReadAsync(VirtualDisk container, DiskReadLimits limits, IoMode mode, CancellationToken cancellationToken)
    {
        // The extensions lie in the first cluster, whose size its first bytes tell; a cluster has at most 2 MiB.
        byte[] start = new byte[Math.Min(container.Length, MinHeaderLengthV3 + 8)];
        await container.ReadAsync(start, 0, mode, cancellationToken).ConfigureAwait(false);
        Qcow2Header header = new();
        header.ParseFixed(start, limits);
        byte[] cluster = new byte[Math.Min(container.Length, header.ClusterSize)];
        await container.ReadAsync(cluster, 0, mode, cancellationToken).ConfigureAwait(false);
        header.ParseExtensions(cluster);
        header.CheckFeatures();
        await header.ReadBackingNameAsync(container, cluster, mode, cancellationToken).ConfigureAwait(false);
        return header;
    }

    public static DiskFormatException Error(long fileOffset, string message) => new(FormatName, fileOffset, message);

    /// <summary>Names the features in force, for people.</summary>
    public List<string> DescribeFeatures()
    {
        List<string> features = [];
        Add((IncompatibleFeatures & IncompatibleDirty) != 0, "dirty");
        Add((IncompatibleFeatures & IncompatibleCorrupt) != 0, "corrupt");
        Add(HasDataFile, IsDataFileRaw ? "raw-data-file" : "data-file");
        Add(CompressionType == CompressionZstd, "zstd");
        Add(HasExtendedL2, "extended-l2");
        Add((CompatibleFeatures & CompatibleLazyRefcounts) != 0, "lazy-refcounts");
        Add(HasBitmaps, "bitmaps");
        Add(CryptMethod == CryptAes, "aes");
        Add(CryptMethod == CryptLuks, "luks");
        return features;

        void Add(bool isInForce, string name)
        {
            if (isInForce)
            {
                features.Add(name);
            }
        }
    }

    private void ParseFixed(ReadOnlySpan<byte> bytes, DiskReadLimits limits)
    {
        if (bytes.Length < HeaderLengthV2 || BinaryPrimitives.ReadUInt32BigEndian(bytes) != Magic)
        {
            throw Error(0, $"{bytes.Length} bytes without the magic 'QFI\\xfb' and a header of {HeaderLengthV2} bytes are no qcow2 image.");
        }

        uint version = BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]);
        if (version is not (2 or 3))
        {
            throw new UnsupportedDiskFeatureException(FormatName, 4, $"version-{version}", version == 1
                ? "version 1 is the older format 'qcow': open the image with that format."
                : $"version {version} is not known; 2 and 3 are.");
        }

        Version = (int)version;
        BackingFileOffset = Position(bytes, 8, "The offset of the backing file's name");
        ClusterBits = Bounded(bytes, 20, MinClusterBits, MaxClusterBits, "The number of cluster bits");
        VirtualSize = Position(bytes, 24, "The virtual size");
        if (VirtualSize > limits.MaxVirtualSize)
        {
            throw Error(24, $"a virtual size of {VirtualSize} bytes exceeds DiskReadLimits.MaxVirtualSize, {limits.MaxVirtualSize}.");
        }

        CryptMethod = Bounded(bytes, 32, 0, CryptLuks, "The encryption method");
        L1Entries = Bounded(bytes, 36, 0, (int)(MaxL1Length / 8), "The number of L1 entries");
        L1Offset = Position(bytes, 40, "The offset of the L1 table");
        RefcountTableOffset = Position(bytes, 48, "The offset of the refcount table");
        RefcountTableClusters = Bounded(bytes, 56, 0, (int)(MaxRefcountTableLength >> ClusterBits), "The number of refcount table clusters");
        SnapshotCount = Bounded(bytes, 60, 0, Math.Min(MaxSnapshots, limits.MaxListEntries), "The number of snapshots");
        SnapshotTableOffset = Position(bytes, 64, "The offset of the snapshot table");
        RefcountOrder = 4;
        HeaderLength = HeaderLengthV2;
        if (Version == 3)
        {
            ParseVersion3(bytes);
        }

        RequireAligned(40, L1Offset, "the L1 table");
        RequireAligned(48, RefcountTableOffset, "the refcount table");
        RequireAligned(64, SnapshotCount == 0 ? 0 : SnapshotTableOffset, "the snapshot table");
    }

    private void ParseVersion3(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < MinHeaderLengthV3)
        {
            throw Error(0, $"{bytes.Length} bytes are too few for a version 3 header of {MinHeaderLengthV3}.");
        }

        IncompatibleFeatures = BinaryPrimitives.ReadUInt64BigEndian(bytes[72..]);
        CompatibleFeatures = BinaryPrimitives.ReadUInt64BigEndian(bytes[80..]);
        AutoclearFeatures = BinaryPrimitives.ReadUInt64BigEndian(bytes[88..]);
        RefcountOrder = Bounded(bytes, 96, 0, MaxRefcountOrder, "The refcount order");
        HeaderLength = Bounded(bytes, 100, MinHeaderLengthV3, ClusterSize, "The header length");
        if (HeaderLength % 8 != 0)
        {
            throw Error(100, $"a header length of {HeaderLength} is no multiple of 8.");
        }

        CompressionType = HeaderLength > MinHeaderLengthV3 && bytes.Length > MinHeaderLengthV3 ? bytes[MinHeaderLengthV3] : CompressionDeflate;
    }

    private void ParseExtensions(ReadOnlySpan<byte> cluster)
    {
        // The backing file's name may follow the extensions directly, without an end mark.
        int end = BackingFileOffset != 0 && BackingFileOffset < cluster.Length ? (int)BackingFileOffset : cluster.Length;
        int position = HeaderLength;
        while (position + 8 <= end)
        {
            uint type = BinaryPrimitives.ReadUInt32BigEndian(cluster[position..]);
            uint length = BinaryPrimitives.ReadUInt32BigEndian(cluster[(position + 4)..]);
            if (type == ExtensionEnd)
            {
                return;
            }

            if (length > end - position - 8)
            {
                throw Error(position, $"the header extension 0x{type:x8} has {length} bytes and would leave the header's area, which ends at {end}.");
            }

            ParseExtension(type, position + 8, cluster.Slice(position + 8, (int)length));
            position += 8 + (((int)length + 7) & ~7);
        }
    }

    private void ParseExtension(uint type, int fileOffset, ReadOnlySpan<byte> content)
    {
        switch (type)
        {
            case ExtensionBackingFormat:
                BackingFormat = Text(content);
                break;
            case ExtensionDataFile:
                DataFileName = Text(content);
                break;
            case ExtensionFeatureNames:
                for (; content.Length >= FeatureNameLength; content = content[FeatureNameLength..])
                {
                    _featureNames.Add((content[0], content[1], Text(content[2..FeatureNameLength].TrimEnd((byte)0))));
                }

                break;
            case ExtensionEncryption when content.Length >= 16:
                EncryptionOffset = Position(content, 0, "The offset of the encryption header", fileOffset);
                EncryptionLength = Position(content, 8, "The length of the encryption header", fileOffset);
                break;

            // Without the autoclear bit a program that does not know bitmaps has written the image: they are void.
            case ExtensionBitmaps when content.Length >= 24 && (AutoclearFeatures & AutoclearBitmaps) != 0:
                HasBitmaps = true;
                BitmapCount = Bounded(content, 0, 1, MaxBitmaps, "The number of bitmaps", fileOffset);
                BitmapDirectoryLength = Position(content, 8, "The length of the bitmap directory", fileOffset);
                BitmapDirectoryOffset = Position(content, 16, "The offset of the bitmap directory", fileOffset);
                break;
        }
    }

    private void CheckFeatures()
    {
        ulong unknown = IncompatibleFeatures & ~IncompatibleKnown;
        if (unknown != 0)
        {
            string names = DescribeUnknown(unknown);
            throw new UnsupportedDiskFeatureException(FormatName, 72, names, $"the image needs features that are not known here: {names}.");
        }

        bool hasCompressionBit = (IncompatibleFeatures & IncompatibleCompression) != 0;
        if (CompressionType > CompressionZstd)
        {
            throw new UnsupportedDiskFeatureException(FormatName, 104, $"compression-{CompressionType}", $"the compression type {CompressionType} is not known; 0 (deflate) and 1 (zstd) are.");
        }

        if (hasCompressionBit != (CompressionType != CompressionDeflate))
        {
            throw Error(104, $"the compression type {CompressionType} and the incompatible feature bit 3 ({(hasCompressionBit ? "set" : "clear")}) contradict one another.");
        }

        if (HasExtendedL2 && ClusterBits < MinExtendedClusterBits)
        {
            throw Error(20, $"extended L2 entries need clusters of at least {1 << MinExtendedClusterBits} bytes, not {ClusterSize}.");
        }

        if (IsDataFileRaw && BackingFileOffset != 0)
        {
            throw Error(8, "a raw external data file and a backing file exclude one another.");
        }
    }

    private async ValueTask ReadBackingNameAsync(VirtualDisk container, byte[] cluster, IoMode mode, CancellationToken cancellationToken)
    {
        if (BackingFileOffset == 0)
        {
            return;
        }

        int length = Bounded(cluster, 16, 0, MaxBackingNameLength, "The length of the backing file's name");
        if (BackingFileOffset + length > Math.Max(ClusterSize, container.Length))
        {
            throw Error(8, $"the backing file's name, {length} bytes at {BackingFileOffset}, lies outside the image.");
        }

        byte[] name = new byte[length];
        int count = await container.ReadAsync(name, BackingFileOffset, mode, cancellationToken).ConfigureAwait(false);
        BackingFileName = Text(name.AsSpan(0, count));
    }

    private string DescribeUnknown(ulong unknown)
    {
        List<string> names = [];
        for (int bit = 0; bit < 64; bit++)
        {
            if ((unknown & (1UL << bit)) != 0)
            {
                string? name = _featureNames.Find(row => row.Kind == 0 && row.Bit == bit).Name;
                names.Add(string.IsNullOrEmpty(name) ? $"bit {bit}" : $"{name} (bit {bit})");
            }
        }

        return string.Join(", ", names);
    }

    private static long Position(ReadOnlySpan<byte> bytes, int at, string what, int fileOffset = 0)
    {
        ulong value = BinaryPrimitives.ReadUInt64BigEndian(bytes[at..]);
        return value <= long.MaxValue ? (long)value : throw Error(fileOffset + at, $"{what}, 0x{value:x}, is beyond 2^63.");
    }

    private static int Bounded(ReadOnlySpan<byte> bytes, int at, int minimum, int maximum, string what, int fileOffset = 0)
    {
        uint value = BinaryPrimitives.ReadUInt32BigEndian(bytes[at..]);
        return value >= (uint)minimum && value <= (uint)maximum
            ? (int)value
            : throw Error(fileOffset + at, $"{what}, {value}, is not between {minimum} and {maximum}.");
    }

    private void RequireAligned(int fileOffset, long value, string what)
    {
        if ((value & (ClusterSize - 1)) != 0)
        {
            throw Error(fileOffset, $"{what} at 0x{value:x} is not aligned to clusters of {ClusterSize} bytes.");
        }
    }

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);
}
