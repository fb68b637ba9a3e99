using System;
using System.Security.Cryptography;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.Snapshots.Proofs;

/// <summary>The hash of RFC 9162, section 2.1.1, one node at a time, and the digest of a chunk.</summary>
internal static class SuiteHash
{
    public static ContentDigest Leaf(ContentHashAlgorithm suite, ContentDigest entry)
    {
        Span<byte> input = stackalloc byte[1 + ContentDigest.SizeInBytes];
        input[0] = 0;
        entry.CopyTo(input[1..]);
        return Data(suite, input);
    }

    public static ContentDigest Pair(ContentHashAlgorithm suite, ContentDigest left, ContentDigest right)
    {
        Span<byte> input = stackalloc byte[1 + (2 * ContentDigest.SizeInBytes)];
        input[0] = 1;
        left.CopyTo(input[1..]);
        right.CopyTo(input[(1 + ContentDigest.SizeInBytes)..]);
        return Data(suite, input);
    }

    public static ContentDigest Data(ContentHashAlgorithm suite, ReadOnlySpan<byte> data)
    {
        if (suite == ContentHashAlgorithm.Blake3)
        {
            return Blake3.HashData(data);
        }

        Span<byte> digest = stackalloc byte[ContentDigest.SizeInBytes];
        SHA256.HashData(data, digest);
        return new ContentDigest(digest);
    }
}
