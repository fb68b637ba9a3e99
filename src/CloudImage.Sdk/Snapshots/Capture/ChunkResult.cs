using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots.Packs;

namespace CloudImage.Sdk.Snapshots.Capture;

/// <summary>A chunk as a worker leaves it: where it lies already, or its frame in the unit's buffer.</summary>
internal struct ChunkResult
{
    public ChunkOutcome Outcome;
    public ContentDigest Digest;
    public FramePlace Place;
    public PatchBase? Patch;
    public FrameHeader Header;
    public int FrameOffset;
    public bool IsDeclined;
}
