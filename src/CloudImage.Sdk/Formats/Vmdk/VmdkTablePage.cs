namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>Decoded grain table entries of a few neighbouring tables: file positions, or one of three states.</summary>
internal sealed class VmdkTablePage
{
    /// <summary>No grain: the parent's, or zero.</summary>
    public const long Unmapped = 0;

    /// <summary>A grain of zeros.</summary>
    public const long Zero = 1;

    /// <summary>The entry points to an impossible place.</summary>
    public const long Bad = -1;

    public VmdkTablePage(VmdkSparseExtent extent, long index, int tables, int entriesPerTable)
    {
        Extent = extent;
        Index = index;
        Entries = new long[tables * entriesPerTable];
    }

    public VmdkSparseExtent Extent { get; }

    /// <summary>Number of this page within its extent.</summary>
    public long Index { get; }

    public long[] Entries { get; }

    /// <summary>Which of the page's tables are there, a bit each.</summary>
    public uint Loaded { get; set; }
}
