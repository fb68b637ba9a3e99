namespace CloudImage.Sdk.Snapshots.Packs;

/// <summary>What the frames of a pack hold. The numbers are stored.</summary>
internal enum PackKind
{
    /// <summary>Chunks of disks: objects under <c>p/</c>.</summary>
    Data = 0,

    /// <summary>Nodes of trees: objects under <c>m/</c>.</summary>
    Tree = 1,
}
