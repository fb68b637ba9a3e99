namespace CloudImage.Sdk.Formats.Vhdx;

/// <summary>The lowest three bits of a block table entry.</summary>
internal enum VhdxBlockState
{
    /// <summary>Nothing stored: zeros, or the parent. Of a sector bitmap: no bits stored.</summary>
    NotPresent = 0,
    Undefined = 1,
    Zero = 2,
    Unmapped = 3,

    /// <summary>What drafts of the format wrote for a block that was unmapped.</summary>
    UnmappedDraft = 5,

    /// <summary>Stored. Of a sector bitmap: present.</summary>
    FullyPresent = 6,

    /// <summary>Stored where the sector bitmap says so, else the parent.</summary>
    PartiallyPresent = 7,
}
