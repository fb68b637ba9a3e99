using System;

namespace CloudImage.Sdk.Snapshots;

/// <summary>A legal hold on a snapshot: while it stands, nothing gives the snapshot up and no collection takes its content. Immutable.</summary>
public sealed class SnapshotHold
{
    internal SnapshotHold(string snapshotId, string id, string reason, string writer, DateTimeOffset placedAt)
    {
        SnapshotId = snapshotId;
        Id = id;
        Reason = reason;
        Writer = writer;
        PlacedAt = placedAt;
    }

    /// <summary>Id of the snapshot that is held.</summary>
    public string SnapshotId { get; }

    /// <summary>What tells the holds of one snapshot apart.</summary>
    public string Id { get; }

    /// <summary>Why it was placed, as whoever placed it said; may be empty.</summary>
    public string Reason { get; }

    /// <summary>Machine and process that placed it.</summary>
    public string Writer { get; }

    /// <summary>When it was placed, by that machine's clock.</summary>
    public DateTimeOffset PlacedAt { get; }

    /// <inheritdoc/>
    public override string ToString() => $"{SnapshotId} {Id}";
}
