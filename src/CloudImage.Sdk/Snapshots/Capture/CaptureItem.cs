using CloudImage.Sdk.Snapshots.Trees;

namespace CloudImage.Sdk.Snapshots.Capture;

/// <summary>A step of the capture in the order of the disk: a unit, the end of a leaf, or a leaf that is taken as it is.</summary>
internal sealed class CaptureItem
{
    public CaptureLeaf? Leaf { get; init; }

    public CaptureUnit? Unit { get; init; }

    /// <summary>Whether the leaf is complete with this item.</summary>
    public bool EndsLeaf { get; init; }

    /// <summary>A leaf that needs no work: the parent's, or a reserved digest.</summary>
    public NodeRef Reference { get; init; }

    /// <summary>Bytes of the disk that are done with this item.</summary>
    public long DiskBytes { get; init; }
}
