using System;

namespace CloudImage.Sdk.Snapshots;

/// <summary>Which snapshot a capture is compared with.</summary>
public sealed class SnapshotParent
{
    private SnapshotParent(string? id) => Id = id;

    /// <summary>The image's newest committed snapshot, or none where there is none.</summary>
    public static SnapshotParent Latest { get; } = new(null);

    /// <summary>None: everything is read, and found again only by its content.</summary>
    public static SnapshotParent None { get; } = new(null);

    /// <summary>The id of a certain snapshot; null for <see cref="Latest"/> and <see cref="None"/>.</summary>
    public string? Id { get; }

    /// <summary>A certain snapshot, of any image.</summary>
    /// <param name="id">Its id.</param>
    /// <returns>The choice.</returns>
    public static SnapshotParent Of(string id)
    {
        ArgumentException.ThrowIfNullOrEmpty(id);
        return new SnapshotParent(id);
    }

    /// <inheritdoc/>
    public override string ToString() => Id ?? (ReferenceEquals(this, None) ? "none" : "latest");
}
