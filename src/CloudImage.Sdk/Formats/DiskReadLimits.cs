namespace CloudImage.Sdk.Formats;

/// <summary>What reading an image may cost: every table, chain and size that a file can ask for is held against these.</summary>
/// <remarks>Immutable. Reaching a limit is a <see cref="Disks.DiskFormatException"/> that names it.</remarks>
public sealed class DiskReadLimits
{
    /// <summary>Limits for files from anywhere: generous to real images, tight on hostile ones.</summary>
    public static DiskReadLimits Untrusted { get; } = new();

    /// <summary>Limits for files of one's own, of any size that the formats can hold.</summary>
    public static DiskReadLimits Trusted { get; } = new()
    {
        MaxMetadataMemory = 4L << 30,
        MaxVirtualSize = long.MaxValue,
        MaxChainDepth = 256,
    };

    /// <summary>Bytes of tables that one opened image may keep in memory.</summary>
    /// <value>The default value is 256 MiB.</value>
    public long MaxMetadataMemory { get; init; } = 256L << 20;

    /// <summary>The largest virtual size, in bytes, that is opened.</summary>
    /// <value>The default value is 4 EiB: sparse disks of any size are legal, and cost nothing by themselves.</value>
    public long MaxVirtualSize { get; init; } = 1L << 62;

    /// <summary>How many layers a chain of parents may have.</summary>
    /// <value>The default value is 64.</value>
    public int MaxChainDepth { get; init; } = 64;

    /// <summary>How many snapshots, bitmaps, extents, archive members or regions one image may list.</summary>
    /// <value>The default value is 65536.</value>
    public int MaxListEntries { get; init; } = 65536;

    /// <summary>Bytes of text (a descriptor, a manifest) that are read at once.</summary>
    /// <value>The default value is 1 MiB.</value>
    public int MaxTextLength { get; init; } = 1 << 20;
}
