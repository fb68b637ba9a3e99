using System.Collections.Generic;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>A page of the blocks in which two snapshots differ. Immutable.</summary>
internal sealed class EbsChangedPage
{
    public required int VolumeSize { get; init; }

    /// <summary>What asks for the next page; null for the last one.</summary>
    public string? NextToken { get; init; }

    /// <summary>Indexes in order, and whether the second snapshot has the block: if not, it was removed.</summary>
    public required IReadOnlyList<(int Index, bool IsInSecond)> Blocks { get; init; }
}
