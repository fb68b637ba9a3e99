using System;
using CloudImage.Sdk.Compression;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.Snapshots.Replication;

/// <summary>A chunk on its way: its frame as the source has it, and its coded content for who cannot take that. Good until the next one is asked for.</summary>
internal readonly record struct TransferredChunk(ContentDigest Digest, Packs.FrameHeader Header, ReadOnlyMemory<byte> Frame, ReadOnlyMemory<byte> Coded)
{
    public ChunkCodecId Codec => Header.Codec;
}
