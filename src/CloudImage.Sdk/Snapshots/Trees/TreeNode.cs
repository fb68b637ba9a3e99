using System;
using System.Collections.Generic;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots.Packs;

namespace CloudImage.Sdk.Snapshots.Trees;

/// <summary>A page of a tree: 256 entries, each zeros, absent, or a digest with the place of what it names. Immutable once built.</summary>
internal sealed class TreeNode
{
    private readonly ContentDigest[] _digests = new ContentDigest[TreeGeometry.FanOut];
    private readonly CompactPlace[] _places = new CompactPlace[TreeGeometry.FanOut];
    private readonly PackId[]?[]? _reach;
    private readonly int[]? _chunks;
    private PackId[] _packs = [];
    private int _packCount;
    private int _lastSlot;
    private Dictionary<int, PatchBase>? _patches;

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

    public FramePlace Place(int index)
    {
        CompactPlace place = _places[index];
        return place.Length == 0 ? default : new FramePlace(_packs[place.Slot], place.Offset, place.Length) { Patch = _patches?.GetValueOrDefault(index) };
    }

    /// <summary>The packs that a leaf refers to; only nodes of level 1 know them.</summary>
    public PackId[] Reach(int index) => _reach?[index] ?? [];

    /// <summary>How many stored entries a leaf has; only nodes of level 1 know it.</summary>
    public int ChunksOf(int index) => _chunks?[index] ?? 0;

    public void SetZero(int index) => _digests[index] = MerkleHash.Zero;

    public void SetAbsent(int index) => _digests[index] = MerkleHash.Absent;

    public void SetStored(int index, ContentDigest digest, in FramePlace place)
    {
        SetStored(index, digest, place.Length == 0 ? default : new CompactPlace(place.Offset, place.Length, SlotOf(place.Pack)));
        if (place.Patch is { } patch)
        {
            _patches ??= [];
            _patches[index] = patch;
        }
        else
        {
            _patches?.Remove(index);
        }
    }

    /// <summary>Sets an entry that is no patch, of a node whose packs are those of <see cref="UseTable"/>.</summary>
    public void SetStored(int index, ContentDigest digest, in CompactPlace place)
    {
        _digests[index] = digest;
        _places[index] = place;
    }

    /// <summary>Takes the table of packs that the slots of places count in; belongs to the node from now on.</summary>
    public void UseTable(PackId[] packs)
    {
        _packs = packs;
        _packCount = packs.Length;
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
                FramePlace place = Place(index);
                packs.Add(place.Pack);
                if (place.Patch is { } patch)
                {
                    packs.Add(patch.Base.Pack);
                }
            }
        }

        return [.. packs];
    }

    /// <summary>Whether two nodes hold the same digests at the same places.</summary>
    public bool IsSameAs(TreeNode other)
    {
        bool isSame = _digests.AsSpan().SequenceEqual(other._digests);
        for (int index = 0; isSame && index < TreeGeometry.FanOut; index++)
        {
            isSame = Place(index) == other.Place(index);
        }

        return isSame;
    }

    // Most entries lie in the pack of the one set before.
    private int SlotOf(PackId pack)
    {
        if (_lastSlot < _packCount && _packs[_lastSlot] == pack)
        {
            return _lastSlot;
        }

        _lastSlot = Array.IndexOf(_packs, pack, 0, _packCount);
        if (_lastSlot >= 0)
        {
            return _lastSlot;
        }

        if (_packCount == _packs.Length)
        {
            Array.Resize(ref _packs, Math.Max(4, 2 * _packCount));
        }

        _lastSlot = _packCount;
        _packs[_packCount++] = pack;
        return _lastSlot;
    }

    /// <summary>A place whose pack is a slot of the node's table: a third of the size of a <see cref="FramePlace"/>.</summary>
    internal readonly record struct CompactPlace(uint Offset, uint Length, int Slot);
}
