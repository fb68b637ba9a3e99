using System;
using System.Collections.Generic;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots.Sessions;

namespace CloudImage.Sdk.Snapshots;

/// <summary>What is known of a committed snapshot. Immutable.</summary>
public sealed class SnapshotInfo
{
    internal SnapshotInfo(CommittedSnapshot snapshot)
    {
        Committed = snapshot;
        Id = snapshot.Id.ToString();
        Origin = snapshot.Descriptor.Origin is { } origin ? new SnapshotOrigin(origin.Identity.Repository.ToString(), origin.Identity.Session.ToString()) : null;
        ParentId = snapshot.Descriptor.Parent.IsDefault ? null : snapshot.Descriptor.Parent.ToString();
    }

    /// <summary>The id: 32 lower-case hexadecimal digits.</summary>
    public string Id { get; }

    /// <summary>The image that it is a state of.</summary>
    public string Image => Committed.Descriptor.Image;

    /// <summary>Its number among the image's snapshots, from 1. Numbers of captures that failed are gaps.</summary>
    public long Sequence => Committed.Descriptor.Sequence;

    /// <summary>When it was captured, by the writer's clock.</summary>
    public DateTimeOffset CreatedAt => Committed.Descriptor.CreatedAt;

    /// <summary>The snapshot that it was captured against; null where there was none.</summary>
    public string? ParentId { get; }

    /// <summary>Length of the disk in bytes.</summary>
    public long Length => Committed.Descriptor.Length;

    /// <summary>Bytes in chunks that are not zero.</summary>
    public long DataBytes => Committed.Descriptor.DataBytes;

    /// <summary>Bytes of packs that its capture added to the repository.</summary>
    public long StoredBytes => Committed.Descriptor.StoredBytes;

    /// <summary>The hash of the tree, the same for the same content, suite, chunk size and length wherever it is stored.</summary>
    public ContentDigest Root => Committed.Descriptor.Root;

    /// <summary>Whether it is a layer: ranges may be absent, and show what lies under it.</summary>
    public bool IsLayer => Committed.Descriptor.IsLayer;

    /// <summary>Whether it was given up; it may still be readable.</summary>
    public bool IsRetired => Committed.IsRetired;

    /// <summary>How its capture compressed.</summary>
    public string Codec => Committed.Descriptor.Codec;

    /// <summary>The tags given to it, in their order.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Tags => Committed.Descriptor.Tags;

    /// <summary>Where it was captured, when it is a copy; null where it was captured here.</summary>
    public SnapshotOrigin? Origin { get; }

    internal CommittedSnapshot Committed { get; }

    /// <inheritdoc/>
    public override string ToString() => $"{Image} #{Sequence} ({Id})";
}
