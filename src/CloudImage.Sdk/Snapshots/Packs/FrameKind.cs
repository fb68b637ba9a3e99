namespace CloudImage.Sdk.Snapshots.Packs;

/// <summary>What a frame holds. The numbers are stored.</summary>
internal enum FrameKind : byte
{
    Chunk = 0,
    Node = 1,
    Patch = 2,
}
