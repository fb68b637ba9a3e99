using System.Collections.Generic;

namespace CloudImage.Sdk.Snapshots.Replication;

/// <summary>What is copied to other repositories.</summary>
public sealed class ReplicationOptions
{
    /// <summary>Every snapshot that was not given up.</summary>
    public static ReplicationOptions Default { get; } = new();

    /// <summary>The images whose snapshots are copied; none for all.</summary>
    /// <value>The default value is none.</value>
    public IReadOnlyCollection<string> Images { get; init; } = [];

    /// <summary>The snapshots that are copied, of those images; none for all.</summary>
    /// <value>The default value is none.</value>
    public IReadOnlyCollection<string> SnapshotIds { get; init; } = [];

    /// <summary>How many ranges of the source are read and verified at the same time.</summary>
    /// <value>0 for what suits source and machine, which is the default value.</value>
    public int Concurrency { get; init; }

    /// <summary>Whether a snapshot is pinned in the source while it is copied, so that it can be given up and collected meanwhile.</summary>
    /// <value>The default value is <see langword="false"/>: nothing is written to the source, and a copy whose packs are collected under it fails.</value>
    public bool PinSource { get; init; }
}
