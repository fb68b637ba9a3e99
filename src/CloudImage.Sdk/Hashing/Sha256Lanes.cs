using System;
using System.Security.Cryptography;

namespace CloudImage.Sdk.Hashing;

/// <summary>SHA-256 of many blocks at once.</summary>
/// <remarks>Pure functions, safe from any thread.</remarks>
public static class Sha256Lanes
{
    /// <summary>Hashes every block of a buffer.</summary>
    /// <param name="source">The blocks one after the other; the last may be short.</param>
    /// <param name="blockSize">The size of a block in bytes.</param>
    /// <param name="digests">Receives a digest for each block.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="blockSize"/> is not positive.</exception>
    /// <exception cref="ArgumentException"><paramref name="digests"/> is shorter than there are blocks.</exception>
    public static void HashMany(ReadOnlySpan<byte> source, int blockSize, Span<ContentDigest> digests)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(blockSize);
        int blocks = (int)(((long)source.Length + blockSize - 1) / blockSize);
        RequireRoom(blocks, digests.Length);
        for (int i = 0; i < blocks; i++)
        {
            int length = Math.Min(blockSize, source.Length);
            digests[i] = HashData(source[..length]);
            source = source[length..];
        }
    }

    /// <summary>Hashes many inputs.</summary>
    /// <param name="sources">The inputs, of any lengths.</param>
    /// <param name="digests">Receives a digest for each input.</param>
    /// <exception cref="ArgumentException"><paramref name="digests"/> is shorter than <paramref name="sources"/>.</exception>
    public static void HashMany(ReadOnlySpan<ReadOnlyMemory<byte>> sources, Span<ContentDigest> digests)
    {
        RequireRoom(sources.Length, digests.Length);
        for (int i = 0; i < sources.Length; i++)
        {
            digests[i] = HashData(sources[i].Span);
        }
    }

    private static ContentDigest HashData(ReadOnlySpan<byte> source)
    {
        Span<byte> digest = stackalloc byte[ContentDigest.SizeInBytes];
        SHA256.HashData(source, digest);
        return new ContentDigest(digest);
    }

    private static void RequireRoom(int inputs, int digests)
    {
        if (digests < inputs)
        {
            throw new ArgumentException($"There is room for {digests} digests of {inputs} inputs.", nameof(digests));
        }
    }
}
