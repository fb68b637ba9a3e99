using System.Collections.Generic;
using System.Linq;

namespace CloudImage.Sdk.Formats;

/// <summary>What a check of an image's metadata found.</summary>
public sealed class DiskCheckResult
{
    /// <summary>The problems, in order of their discovery; at most the limit of list entries, see <see cref="IsTruncated"/>.</summary>
    public required IReadOnlyList<DiskProblem> Problems { get; init; }

    /// <summary>Whether there were more problems than are listed.</summary>
    public bool IsTruncated { get; init; }

    /// <summary>Allocated units (clusters, blocks, grains).</summary>
    public long AllocatedUnits { get; init; }

    /// <summary>Units that the disk has.</summary>
    public long TotalUnits { get; init; }

    /// <summary>Units that are compressed.</summary>
    public long CompressedUnits { get; init; }

    /// <summary>Position behind the last byte of the container that is in use.</summary>
    public long ImageEndOffset { get; init; }

    /// <summary>Whether no corruption was found; leaks and warnings are allowed.</summary>
    public bool IsConsistent => Problems.All(static problem => problem.Kind != DiskProblemKind.Corruption);

    /// <summary>Whether nothing at all was found.</summary>
    public bool IsClean => Problems.Count == 0;
}
