namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>Fixed numbers of the VMDK family; all fields are little-endian. "Virtual Disk Format 5.0", VMware.</summary>
internal static class VmdkConstants
{
    public const string FormatName = "vmdk";

    /// <summary>Every position and size of the format counts in sectors of this many bytes.</summary>
    public const int SectorSize = 512;

    /// <summary>"KDMV": a hosted sparse extent.</summary>
    public const uint HostedMagic = 0x564D444B;

    /// <summary>"COWD": a vmfsSparse extent.</summary>
    public const uint CowdMagic = 0x44574F43;

    /// <summary>The constant header of a seSparse extent.</summary>
    public const ulong SeSparseMagic = 0x00000000CAFEBABE;

    /// <summary>The volatile header of a seSparse extent.</summary>
    public const ulong SeSparseVolatileMagic = 0x00000000CAFECAFE;

    /// <summary>seSparse 2.1.</summary>
    public const ulong SeSparseVersion = 0x0000000200000001;

    /// <summary>A grain directory position that says: see the footer.</summary>
    public const ulong DirectoryAtEnd = ulong.MaxValue;

    /// <summary>A grain table entry that reads as zeros, where the header allows it.</summary>
    public const uint ZeroedGrain = 1;

    /// <summary>The grain of every image written here: 64 KiB.</summary>
    public const int GrainSize = 65536;

    /// <summary>Entries of a grain table of a hosted extent.</summary>
    public const int TableEntries = 512;

    /// <summary>Sectors that are kept for an embedded descriptor.</summary>
    public const int DescriptorSectors = 20;

    /// <summary>Length of a grain marker: position u64 in sectors, length u32 in bytes.</summary>
    public const int GrainMarkerSize = 12;

    /// <summary>The parent content id of a disk without a parent.</summary>
    public const uint NoParent = uint.MaxValue;

    /// <summary>The largest grain that is read: qemu's limit, 1 GiB.</summary>
    public const long MaxGrainSize = 0x200000L * SectorSize;

    /// <summary>The largest compressed grain that is read; a grain is decoded in one piece.</summary>
    public const int MaxCompressedGrainSize = 16 << 20;
}
