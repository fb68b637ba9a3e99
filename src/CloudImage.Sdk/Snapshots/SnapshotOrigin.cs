namespace CloudImage.Sdk.Snapshots;

/// <summary>Where a snapshot was captured, when it is a copy from another repository. Immutable.</summary>
public sealed class SnapshotOrigin
{
    internal SnapshotOrigin(string repositoryId, string snapshotId)
    {
        RepositoryId = repositoryId;
        SnapshotId = snapshotId;
    }

    /// <summary>Id of the repository that it was captured into; a copy of a copy names the first one.</summary>
    public string RepositoryId { get; }

    /// <summary>Its id there.</summary>
    public string SnapshotId { get; }

    /// <inheritdoc/>
    public override string ToString() => $"{RepositoryId}/{SnapshotId}";
}
