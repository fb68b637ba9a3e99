using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots.Packs;

namespace CloudImage.Sdk.Snapshots.Trees;

/// <summary>A reference to a node, or a reserved digest in its stead.</summary>
/// <param name="Hash">The hash of the node, or a reserved digest.</param>
/// <param name="Place">Where the node lies; default for a reserved digest.</param>
/// <param name="Reach">For a leaf, the data packs that it refers to.</param>
/// <param name="Chunks">For a leaf, how many stored entries it has; 0 where that is not known.</param>
internal readonly record struct NodeRef(ContentDigest Hash, FramePlace Place, PackId[]? Reach, int Chunks)
{
    public EntryKind Kind => TreeNode.KindOf(Hash);
}
