using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.Snapshots.Replication;

/// <summary>A chunk on its way, verified: its frame, or, where the source keeps it as a patch, that of the patch and that of the base which it is laid over.</summary>
internal readonly record struct TransferredChunk(ContentDigest Digest, TransferredFrame Frame, TransferredFrame? Base = null);
