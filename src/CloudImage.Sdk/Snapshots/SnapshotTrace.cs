namespace CloudImage.Sdk.Snapshots;

/// <summary>A trace that is kept with a snapshot, as a list shows it. Immutable.</summary>
public sealed class SnapshotTrace
{
    internal SnapshotTrace(SnapshotInfo snapshot, long storedBytes)
    {
        Snapshot = snapshot;
        StoredBytes = storedBytes;
    }

    /// <summary>The snapshot.</summary>
    public SnapshotInfo Snapshot { get; }

    /// <summary>Bytes that the trace takes in the store, with the chunks that it holds once more.</summary>
    public long StoredBytes { get; }
}
