using System;
using System.Collections.Generic;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots.Packs;

namespace CloudImage.Sdk.Snapshots.Trees;

/// <summary>A page of a tree: 256 entries, each zeros, absent, or a digest with the place of what it names. Immutable once built.</summary>
internal sealed class TreeNode
{
    private readonly ContentDigest[] _digests = new ContentDigest[TreeGeometry.FanOut];
    private readonly FramePlace[] _places = new FramePlace[TreeGeometry.FanOut];
    private readonly PackId[]?[]? _reach;
    private readonly int[]? _chunks;

    public TreeNode(int level)
    {
        Level = level;
        _reach = level == 1 ? new PackId[TreeGeometry.FanOut][] : null;
        _chunks = level == 1 ? new int[TreeGeometry.FanOut] : null;
    }

    /// <summary>0 for a leaf.</summary>
    public int Level { get; }

    /// <summary>The Merkle root of the entries, once it was computed by whoever loaded or wrote the node.</summary>
    public ContentDigest VerifiedHash { get; set; }

    public ReadOnlySpan<ContentDigest> Digests => _digests;

    public static EntryKind KindOf(ContentDigest digest) =>
        digest.IsDefault ? EntryKind.Zero : digest == MerkleHash.Absent ? EntryKind.Absent : EntryKind.Stored;

    public EntryKind Kind(int index) => KindOf(_digests[index]);

    public ContentDigest Digest(int index) => _digests[index];

    public FramePlace Place(int index) => _places[index];

    /// <summary>The packs that a leaf refers to; only nodes of level 1 know them.</summary>
    public PackId[] Reach(int index) => _reach?[index] ?? [];

    /// <summary>How many stored entries a leaf has; only nodes of level 1 know it.</summary>
    public int ChunksOf(int index) => _chunks?[index] ?? 0;

    public void SetZero(int index) => _digests[index] = MerkleHash.Zero;

    public void SetAbsent(int index) => _digests[index] = MerkleHash.Absent;

    public void SetStored(int index, ContentDigest digest, in FramePlace place)
    {
        _digests[index] = digest;
        _places[index] = place;
    }

    public void SetReach(int index, PackId[] packs, int chunks)
    {
        _reach![index] = packs;
        _chunks![index] = chunks;
    }

    public ContentDigest ComputeHash(ContentHashAlgorithm suite, int used) => MerkleHash.OfNode(suite, _digests, used);

    /// <summary>How many entries are stored ones.</summary>
    public int CountStored()
    {
        int count = 0;
        foreach (ContentDigest digest in _digests)
        {
            count += KindOf(digest) == EntryKind.Stored ? 1 : 0;
        }

        return count;
    }

    /// <summary>Every pack that the entries of this node name directly, sorted.</summary>
    public PackId[] DirectPacks()
    {
        SortedSet<PackId> packs = [];
        for (int index = 0; index < TreeGeometry.FanOut; index++)
        {
            if (Kind(index) == EntryKind.Stored)
            {
                packs.Add(_places[index].Pack);
                if (_places[index].Patch is { } patch)
                {
                    packs.Add(patch.Base.Pack);
                }
            }
        }

        return [.. packs];
    }

    /// <summary>Whether two nodes hold the same digests at the same places.</summary>
    public bool IsSameAs(TreeNode other) =>
        _digests.AsSpan().SequenceEqual(other._digests) && _places.AsSpan().SequenceEqual(other._places);

    /// <summary>A copy to change.</summary>
    public TreeNode Clone()
    {
        TreeNode copy = new(Level);
        _digests.CopyTo(copy._digests, 0);
        _places.CopyTo(copy._places, 0);
        if (_reach is not null)
        {
            _reach.CopyTo(copy._reach!, 0);
            _chunks!.CopyTo(copy._chunks!, 0);
        }

        return copy;
    }
}
