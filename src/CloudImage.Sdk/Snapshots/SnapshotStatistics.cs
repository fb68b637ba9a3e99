namespace CloudImage.Sdk.Snapshots;

/// <summary>What a snapshot takes up. Immutable.</summary>
public sealed class SnapshotStatistics
{
    /// <summary>The snapshot.</summary>
    public required SnapshotInfo Snapshot { get; init; }

    /// <summary>Stored bytes of the frames that it refers to, each counted once.</summary>
    public required long ReferencedBytes { get; init; }

    /// <summary>Stored bytes of the frames that no other snapshot refers to: what deleting it would free, once packs are compacted.</summary>
    public required long ExclusiveBytes { get; init; }
}
