using System;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.Snapshots.Packs;

/// <summary>A chunk to be fetched: where it lies, its digest, and the buffer of exactly its length that receives it.</summary>
internal readonly record struct WantedChunk(FramePlace Place, ContentDigest Digest, Memory<byte> Plain);
