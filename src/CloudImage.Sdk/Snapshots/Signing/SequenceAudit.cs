using System.Collections.Generic;

namespace CloudImage.Sdk.Snapshots.Signing;

/// <summary>Whether an image's sequence of numbers is whole. Immutable.</summary>
public sealed class SequenceAudit
{
    /// <summary>The image.</summary>
    public required string Image { get; init; }

    /// <summary>Every number from 1 to the last one that any record names.</summary>
    public required IReadOnlyList<SequenceEntry> Entries { get; init; }

    /// <summary>What was found wrong, in words; empty where all is explained.</summary>
    public required IReadOnlyList<string> Problems { get; init; }

    /// <summary>Whether everything is explained.</summary>
    public bool IsWhole => Problems.Count == 0;
}
