using System;
using System.Collections.Generic;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.Snapshots.Proofs;

/// <summary>Follows the part of a proof that leads from the root to chunks. Needs nothing but its bytes, and takes no more steps than there are bytes.</summary>
internal ref struct TreeProofVerifier
{
    private const int FanOut = 256;
    private const byte Zero = 0;
    private const byte Stored = 1;
    private const byte Absent = 2;
    private readonly ContentHashAlgorithm _suite;
    private readonly long _first;
    private readonly long _last;
    private readonly List<(long Chunk, ContentDigest Digest)> _chunks;
    private ReadOnlySpan<byte> _proof;
    private bool _isBroken;

    public TreeProofVerifier(ContentHashAlgorithm suite, long first, long last, ReadOnlySpan<byte> proof)
    {
        _suite = suite;
        _first = first;
        _last = last;
        _proof = proof;
        _chunks = [];
    }

    /// <summary>The stored chunks of the range, in order; every other chunk of it is zeros, or absent in a layer.</summary>
    public readonly IReadOnlyList<(long Chunk, ContentDigest Digest)> Chunks => _chunks;

    /// <summary>Computes the root that the proof leads to.</summary>
    /// <param name="levels">The number of levels of the tree.</param>
    /// <param name="root">Receives it.</param>
    /// <returns>Whether the proof has the form that range and tree ask for.</returns>
    public bool TryCompute(int levels, out ContentDigest root)
    {
        root = Entry(levels, 0);
        return !_isBroken && _proof.IsEmpty;
    }

    private ContentDigest Entry(int level, long chunk)
    {
        switch (TakeByte())
        {
            case Zero:
                return default;
            case Absent:
                return Trees.MerkleHash.Absent;
            case Stored when level == 0:
                ContentDigest digest = TakeDigest();
                _chunks.Add((chunk, digest));
                return digest;
            case Stored:
                return Half(0, FanOut, level - 1, chunk);
            default:
                _isBroken = true;
                return default;
        }
    }

    private ContentDigest Half(int from, int to, int level, long chunk)
    {
        if (_isBroken)
        {
            return default;
        }

        long perEntry = 1L << (8 * level);
        if (chunk + (from * perEntry) > _last || chunk + (to * perEntry) <= _first)
        {
            return TakeDigest();
        }

        if (to - from == 1)
        {
            return SuiteHash.Leaf(_suite, Entry(level, chunk + (from * perEntry)));
        }

        int middle = (from + to) / 2;
        ContentDigest left = Half(from, middle, level, chunk);
        return SuiteHash.Pair(_suite, left, Half(middle, to, level, chunk));
    }

    private byte TakeByte()
    {
        if (_proof.IsEmpty)
        {
            _isBroken = true;
            return byte.MaxValue;
        }

        byte value = _proof[0];
        _proof = _proof[1..];
        return value;
    }

    private ContentDigest TakeDigest()
    {
        if (_proof.Length < ContentDigest.SizeInBytes)
        {
            _isBroken = true;
            return default;
        }

        ContentDigest digest = new(_proof[..ContentDigest.SizeInBytes]);
        _proof = _proof[ContentDigest.SizeInBytes..];
        return digest;
    }
}
