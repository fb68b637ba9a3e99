using System;

namespace CloudImage.Sdk.Snapshots.Proofs;

/// <summary>Of one stored chunk the path inside it and the bytes that the range touches, rounded out to groups.</summary>
internal readonly record struct ChunkProof(ReadOnlyMemory<byte> Path, ReadOnlyMemory<byte> Data);
