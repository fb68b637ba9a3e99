using System;
using System.Collections.Generic;
using System.Numerics;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots.Encryption;

namespace CloudImage.Sdk.Snapshots;

/// <summary>What a new repository is fixed to for its whole life.</summary>
public sealed class SnapshotRepositoryOptions
{
    /// <summary>The smallest chunk size in bytes.</summary>
    public const int MinChunkSize = 64 * 1024;

    /// <summary>The largest chunk size in bytes.</summary>
    public const int MaxChunkSize = 4 * 1024 * 1024;

    /// <summary>The options that serve most: 256 KiB chunks named by BLAKE3.</summary>
    public static SnapshotRepositoryOptions Default { get; } = new();

    /// <summary>Size of the chunks of a disk in bytes, a power of two.</summary>
    /// <value>64 KiB to 4 MiB. The default value is 262144 (256 KiB).</value>
    public int ChunkSize { get; init; } = 256 * 1024;

    /// <summary>The digest that chunks and trees are named by.</summary>
    /// <value>The default value is <see cref="ContentHashAlgorithm.Blake3"/>.</value>
    public ContentHashAlgorithm Digest { get; init; } = ContentHashAlgorithm.Blake3;

    /// <summary>How content is kept from those who can read the store.</summary>
    /// <value>The default value is <see cref="RepositoryEncryption.None"/>.</value>
    public RepositoryEncryption Encryption { get; init; }

    /// <summary>Who shall hold the keys of an encrypted repository, at least one; they stay the caller's.</summary>
    /// <value>The default value is empty.</value>
    public IReadOnlyList<KeyProvider> Keys { get; init; } = [];

    internal static bool IsChunkSize(long chunkSize) => chunkSize is >= MinChunkSize and <= MaxChunkSize && BitOperations.IsPow2(chunkSize);

    internal void Validate()
    {
        if (!IsChunkSize(ChunkSize))
        {
            throw new ArgumentException($"A chunk size is a power of two from {MinChunkSize} to {MaxChunkSize}, not {ChunkSize}.", nameof(ChunkSize));
        }

        if (Digest is not (ContentHashAlgorithm.Blake3 or ContentHashAlgorithm.Sha256))
        {
            throw new ArgumentException($"{Digest} is no digest suite.", nameof(Digest));
        }

        if (Encryption is not (RepositoryEncryption.None or RepositoryEncryption.Aes256Gcm) || (Encryption == RepositoryEncryption.None) != (Keys.Count == 0))
        {
            throw new ArgumentException($"A repository with encryption {Encryption} cannot have {Keys.Count} holders of keys.", nameof(Encryption));
        }
    }
}
