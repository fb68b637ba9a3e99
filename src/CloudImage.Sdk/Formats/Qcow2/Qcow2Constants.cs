namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>Numbers of the qcow2 format (qemu, docs/interop/qcow2). All fields on disk are big-endian.</summary>
internal static class Qcow2Constants
{
    public const string FormatName = "qcow2";

    /// <summary>"QFI" and 0xfb.</summary>
    public const uint Magic = 0x514649FB;

    public const int HeaderLengthV2 = 72;
    public const int MinHeaderLengthV3 = 104;
    public const int MinClusterBits = 9;
    public const int MaxClusterBits = 21;
    public const int MinExtendedClusterBits = 14;
    public const int SubclustersPerCluster = 32;
    public const int MaxRefcountOrder = 6;
    public const int MaxBackingNameLength = 1023;

    // The limits of qemu: what it refuses to open is of no use to anyone.
    public const long MaxL1Length = 32L << 20;
    public const long MaxRefcountTableLength = 8L << 20;
    public const int MaxSnapshots = 65536;
    public const long MaxSnapshotTableLength = 64L << 20;
    public const int MaxSnapshotExtraLength = 1024;
    public const int MaxBitmaps = 65535;
    public const long MaxBitmapDirectoryLength = (long)MaxBitmaps * 1024;
    public const int MaxBitmapNameLength = 1023;
    public const long MaxBitmapTableEntries = 0x8000000;

    /// <summary>The largest place in a container that an entry can name.</summary>
    public const ulong MaxFileOffset = 0x00FFFFFFFFFFFFFF;

    public const ulong OffsetMask = 0x00FFFFFFFFFFFE00;
    public const ulong CopiedFlag = 1UL << 63;
    public const ulong CompressedFlag = 1UL << 62;
    public const ulong ZeroFlag = 1;
    public const ulong L1ReservedMask = 0x7F000000000001FF;
    public const ulong L2ReservedMask = 0x3F000000000001FE;
    public const ulong RefcountTableReservedMask = 0x1FF;

    public const ulong IncompatibleDirty = 1 << 0;
    public const ulong IncompatibleCorrupt = 1 << 1;
    public const ulong IncompatibleDataFile = 1 << 2;
    public const ulong IncompatibleCompression = 1 << 3;
    public const ulong IncompatibleExtendedL2 = 1 << 4;
    public const ulong IncompatibleKnown = 0x1F;
    public const ulong CompatibleLazyRefcounts = 1 << 0;
    public const ulong AutoclearBitmaps = 1 << 0;
    public const ulong AutoclearRawDataFile = 1 << 1;

    public const uint ExtensionEnd = 0;
    public const uint ExtensionBackingFormat = 0xE2792ACA;
    public const uint ExtensionFeatureNames = 0x6803F857;
    public const uint ExtensionBitmaps = 0x23852875;
    public const uint ExtensionEncryption = 0x0537BE77;
    public const uint ExtensionDataFile = 0x44415441;
    public const int FeatureNameLength = 48;

    public const int CryptNone = 0;
    public const int CryptAes = 1;
    public const int CryptLuks = 2;

    public const byte CompressionDeflate = 0;
    public const byte CompressionZstd = 1;
}
