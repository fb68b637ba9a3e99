using System;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots.Packs;

namespace CloudImage.Sdk.Snapshots.Replication;

/// <summary>A frame on its way as the source has it, and its coded content for who cannot take that. Good until the next chunk is asked for.</summary>
internal readonly record struct TransferredFrame(ContentDigest Digest, FrameHeader Header, ReadOnlyMemory<byte> Frame, ReadOnlyMemory<byte> Coded);
