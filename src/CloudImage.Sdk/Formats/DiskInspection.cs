using System.Collections.Generic;
using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Formats;

/// <summary>What the headers of an image tell, and whether it may be trusted. No other file was opened to find it.</summary>
public sealed class DiskInspection
{
    /// <summary>The format that was detected or given; null where none was recognised and raw was not allowed.</summary>
    public DiskFormat? Format { get; init; }

    /// <summary>What the headers say; null where they could not be read, which <see cref="Concerns"/> then explains.</summary>
    public DiskInfo? Info { get; init; }

    /// <summary>Every reason for refusing the image as untrusted.</summary>
    public required IReadOnlyList<DiskConcern> Concerns { get; init; }

    /// <summary>Whether the headers could be read and do not contradict one another.</summary>
    public bool IsConsistent { get; init; }

    /// <summary>Whether nothing speaks against using the image, although it comes from anywhere.</summary>
    public bool IsSafe => IsConsistent && Concerns.Count == 0;
}
