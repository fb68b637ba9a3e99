namespace CloudImage.Sdk.Snapshots;

/// <summary>What a capture made, and what it cost. Immutable.</summary>
public sealed class CaptureResult
{
    /// <summary>The snapshot.</summary>
    public required SnapshotInfo Snapshot { get; init; }

    /// <summary>The snapshot's id.</summary>
    public string Id => Snapshot.Id;

    /// <summary>Length of the disk in bytes.</summary>
    public long LogicalBytes => Snapshot.Length;

    /// <summary>Bytes that were read from the disk.</summary>
    public required long ReadBytes { get; init; }

    /// <summary>Bytes of all objects that were added to the repository.</summary>
    public required long StoredBytes { get; init; }

    /// <summary>Chunks that are zeros.</summary>
    public required long ZeroChunks { get; init; }

    /// <summary>Chunks that are the parent's at the same position.</summary>
    public required long UnchangedChunks { get; init; }

    /// <summary>Chunks that were found elsewhere in the repository.</summary>
    public required long DuplicateChunks { get; init; }

    /// <summary>Chunks that were stored.</summary>
    public required long NewChunks { get; init; }

    /// <summary>Chunks that could have been shared and were stored again, to keep them near their neighbours.</summary>
    public required long DeclinedChunks { get; init; }

    /// <summary>Damage of the index that was met; it costs space and no snapshot.</summary>
    public required System.Collections.Generic.IReadOnlyList<string> Warnings { get; init; }
}
