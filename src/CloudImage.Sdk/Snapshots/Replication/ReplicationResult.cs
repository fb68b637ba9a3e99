using System.Collections.Generic;

namespace CloudImage.Sdk.Snapshots.Replication;

/// <summary>What a replication did. Immutable.</summary>
public sealed class ReplicationResult
{
    /// <summary>What each destination received, in the order in which they were given.</summary>
    public required IReadOnlyList<ReplicationDestination> Destinations { get; init; }

    /// <summary>Bytes of frames that were read from the source, once for all destinations.</summary>
    public required long ReadBytes { get; init; }
}
