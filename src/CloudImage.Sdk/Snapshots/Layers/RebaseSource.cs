namespace CloudImage.Sdk.Snapshots.Layers;

/// <summary>Where a chunk of a rebased layer comes from.</summary>
internal enum RebaseSource
{
    /// <summary>It stays the layer's: the bases agree, or the layer has what the new base has, or nothing.</summary>
    Layer,

    /// <summary>The layer did not change it: it becomes the new base's.</summary>
    NewBase,

    /// <summary>Both changed it, perhaps in different blocks.</summary>
    Blocks,
}
