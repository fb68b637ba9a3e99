namespace CloudImage.Sdk.Formats.Vdi;

/// <summary>Fixed numbers of the VirtualBox disk image; all fields are little-endian.</summary>
internal static class VdiConstants
{
    public const string FormatName = "vdi";

    public const int SectorSize = 512;

    /// <summary>Where the signature lies, behind 64 bytes of text.</summary>
    public const int SignatureOffset = 0x40;

    public const uint Signature = 0xBEDA107F;

    /// <summary>A block that was never written.</summary>
    public const uint Unallocated = 0xFFFFFFFF;

    /// <summary>A block that reads as zeros.</summary>
    public const uint Zero = 0xFFFFFFFE;

    public const uint TypeDynamic = 1;
    public const uint TypeStatic = 2;
    public const uint TypeUndo = 3;
    public const uint TypeDifferencing = 4;

    /// <summary>The block of every known producer: 1 MiB.</summary>
    public const int DefaultBlockSize = 1 << 20;

    /// <summary>The largest block that is read or written.</summary>
    public const uint MaxBlockSize = 1u << 30;
}
