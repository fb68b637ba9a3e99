using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.Snapshots.Packs;

/// <summary>What a patch frame is laid over: a whole frame of another chunk. Depth is one: a base is never a patch.</summary>
/// <param name="Base">Where the base's frame lies.</param>
/// <param name="BaseDigest">The digest of the base's chunk.</param>
/// <param name="PatchDigest">The digest of the patch itself: its mask and blocks.</param>
internal sealed record PatchBase(FramePlace Base, ContentDigest BaseDigest, ContentDigest PatchDigest);
