namespace CloudImage.Sdk.Snapshots.Packs;

/// <summary>Where a frame lies: its pack, the position of its header in the pack, and its length with the header.</summary>
internal readonly record struct FramePlace(PackId Pack, uint Offset, uint Length)
{
    /// <summary>For the frame of a patch, what it is laid over; null for a whole chunk, and for a node.</summary>
    public PatchBase? Patch { get; init; }

    public bool IsDefault => Length == 0;

    public long End => (long)Offset + Length;
}
