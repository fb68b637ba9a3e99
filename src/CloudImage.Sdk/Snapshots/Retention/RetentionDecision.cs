using System.Collections.Generic;

namespace CloudImage.Sdk.Snapshots.Retention;

/// <summary>What becomes of one snapshot, with every reason. Immutable.</summary>
public sealed class RetentionDecision
{
    internal RetentionDecision(SnapshotInfo snapshot, bool isKept, IReadOnlyList<RetentionReason> reasons)
    {
        Snapshot = snapshot;
        IsKept = isKept;
        Reasons = reasons;
    }

    /// <summary>The snapshot.</summary>
    public SnapshotInfo Snapshot { get; }

    /// <summary>Whether it is kept.</summary>
    public bool IsKept { get; }

    /// <summary>Every rule that keeps it, or the one reason why it goes.</summary>
    public IReadOnlyList<RetentionReason> Reasons { get; }

    /// <inheritdoc/>
    public override string ToString() => $"{Snapshot}: {(IsKept ? "keep" : "drop")}, {string.Join("; ", Reasons)}";
}
