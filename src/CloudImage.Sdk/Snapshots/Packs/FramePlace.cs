namespace CloudImage.Sdk.Snapshots.Packs;

/// <summary>Where a frame lies: its pack, the position of its header in the pack, and its length with the header.</summary>
internal readonly record struct FramePlace(PackId Pack, uint Offset, uint Length)
{
    public bool IsDefault => Length == 0;

    public long End => (long)Offset + Length;
}
