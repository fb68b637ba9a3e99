namespace CloudImage.Sdk.Snapshots.Replication;

/// <summary>A snapshot that was copied. Immutable.</summary>
public sealed class ReplicatedSnapshot
{
    internal ReplicatedSnapshot(SnapshotInfo source, SnapshotInfo copy)
    {
        Source = source;
        Copy = copy;
    }

    /// <summary>The snapshot in the source.</summary>
    public SnapshotInfo Source { get; }

    /// <summary>Its copy.</summary>
    public SnapshotInfo Copy { get; }
}
