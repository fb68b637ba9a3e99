using System;
using System.Collections.Generic;

namespace CloudImage.Sdk.Snapshots.Retention;

/// <summary>What the rules look at of one snapshot.</summary>
internal sealed class RetentionCandidate
{
    public required long Sequence { get; init; }

    /// <summary>By the writer's clock, or by its word.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>The store's time of the fate; the least value where the store tells none.</summary>
    public required DateTimeOffset CommittedAt { get; init; }

    public required bool IsHeld { get; init; }

    public required IReadOnlyList<KeyValuePair<string, string>> Tags { get; init; }

    public List<RetentionReason> Reasons { get; } = [];
}
