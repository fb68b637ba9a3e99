using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.Snapshots.Trees;

/// <summary>The binary Merkle tree over the 256 entries of a node, with the domain separation of RFC 9162, section 2.1.1.</summary>
internal static class MerkleHash
{
    private const int LeafLength = 1 + ContentDigest.SizeInBytes;
    private const int InnerLength = 1 + (2 * ContentDigest.SizeInBytes);
    private const int PaddedLeafLength = 64;
    private const int PaddedInnerLength = 128;

    /// <summary>The digest that stands for zeros: 32 zero bytes.</summary>
    public static ContentDigest Zero => default;

    /// <summary>The digest that stands for nothing: 32 bytes of 0xff.</summary>
    public static ContentDigest Absent { get; } = new(
        [255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255]);

    /// <summary>The hash of a node: reserved where all its entries are zero or all are absent, else the Merkle root.</summary>
    /// <param name="suite">The digest suite of the repository.</param>
    /// <param name="entries">256 digests; entries behind the end of the disk are <see cref="Zero"/>.</param>
    /// <param name="used">How many entries stand for a part of the disk.</param>
    public static ContentDigest OfNode(ContentHashAlgorithm suite, ReadOnlySpan<ContentDigest> entries, int used)
    {
        if (entries[..used].IndexOfAnyExcept(Zero) < 0)
        {
            return Zero;
        }

        return entries[..used].IndexOfAnyExcept(Absent) < 0 ? Absent : Root(suite, entries);
    }

    /// <summary>The Merkle root over 256 entries, whatever they are.</summary>
    [SkipLocalsInit]
    public static ContentDigest Root(ContentHashAlgorithm suite, ReadOnlySpan<ContentDigest> entries)
    {
        // BLAKE3 takes inputs in whole blocks as they lie; SHA-256 wants them one behind the other.
        bool isPadded = suite == ContentHashAlgorithm.Blake3;
        int leafStride = isPadded ? PaddedLeafLength : LeafLength;
        int innerStride = isPadded ? PaddedInnerLength : InnerLength;
        Span<byte> input = stackalloc byte[TreeGeometry.FanOut * PaddedLeafLength];
        Span<ContentDigest> digests = stackalloc ContentDigest[TreeGeometry.FanOut];
        for (int index = 0; index < TreeGeometry.FanOut; index++)
        {
            Span<byte> leaf = input.Slice(index * leafStride, leafStride);
            leaf[0] = 0;
            entries[index].CopyTo(leaf[1..]);
            leaf[LeafLength..].Clear();
        }

        HashMany(suite, input[..(TreeGeometry.FanOut * leafStride)], LeafLength, digests);
        for (int count = TreeGeometry.FanOut / 2; count >= 1; count /= 2)
        {
            for (int index = 0; index < count; index++)
            {
                Span<byte> pair = input.Slice(index * innerStride, innerStride);
                pair[0] = 1;
                MemoryMarshal.AsBytes(digests.Slice(2 * index, 2)).CopyTo(pair[1..]);
                pair[InnerLength..].Clear();
            }

            HashMany(suite, input[..(count * innerStride)], InnerLength, digests[..count]);
        }

        return digests[0];
    }

    private static void HashMany(ContentHashAlgorithm suite, ReadOnlySpan<byte> input, int length, Span<ContentDigest> digests)
    {
        if (suite == ContentHashAlgorithm.Blake3)
        {
            Blake3.HashPadded(input, length, digests);
        }
        else
        {
            Sha256Lanes.HashMany(input, length, digests);
        }
    }
}
