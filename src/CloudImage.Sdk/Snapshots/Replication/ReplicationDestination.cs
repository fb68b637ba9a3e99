using System.Collections.Generic;

namespace CloudImage.Sdk.Snapshots.Replication;

/// <summary>What one destination of a replication received. Immutable.</summary>
public sealed class ReplicationDestination
{
    /// <summary>The location of its store.</summary>
    public required string Location { get; init; }

    /// <summary>The snapshots that it lacked, in the order in which they were copied.</summary>
    public required IReadOnlyList<ReplicatedSnapshot> Copied { get; init; }

    /// <summary>How many snapshots it had already, or had been given and has given up since.</summary>
    public required int PresentCount { get; init; }

    /// <summary>How many chunks it received.</summary>
    public required long ChunkCount { get; init; }

    /// <summary>Bytes of the frames of those chunks.</summary>
    public required long FrameBytes { get; init; }

    /// <summary>Bytes of packs and segments that were stored: frames, trees and tables.</summary>
    public required long StoredBytes { get; init; }
}
