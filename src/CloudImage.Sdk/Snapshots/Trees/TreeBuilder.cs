using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Compression;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;

namespace CloudImage.Sdk.Snapshots.Trees;

/// <summary>Builds a tree from its leaves in order; nodes that its relatives have are taken from there, the others written.</summary>
/// <remarks>One user at a time.</remarks>
internal sealed class TreeBuilder
{
    private readonly RepositoryContext _context;
    private readonly TreeGeometry _geometry;
    private readonly PackStream _packs;
    private readonly IReadOnlyList<SnapshotTree> _relatives;
    private readonly Func<PackId, bool> _isUsable;
    private readonly TreeNode?[] _open;
    private readonly int[] _filled;
    private long _leaves;
    private NodeRef _root;

    /// <summary>Makes a builder.</summary>
    /// <param name="context">The repository.</param>
    /// <param name="geometry">The shape of the new tree.</param>
    /// <param name="packs">Receives new nodes.</param>
    /// <param name="relatives">Trees whose nodes are taken over where they are the same.</param>
    /// <param name="isUsable">Whether a pack may be referred to.</param>
    public TreeBuilder(RepositoryContext context, TreeGeometry geometry, PackStream packs, IReadOnlyList<SnapshotTree> relatives, Func<PackId, bool> isUsable)
    {
        _context = context;
        _geometry = geometry;
        _packs = packs;
        _relatives = relatives;
        _isUsable = isUsable;
        _open = new TreeNode?[geometry.Levels];
        _filled = new int[geometry.Levels];
    }

    /// <summary>Every pack that the tree refers to so far; complete once <see cref="CompleteAsync"/> returned.</summary>
    public RefSet Refs { get; } = new();

    /// <summary>How many chunks of the disk are stored ones, so far.</summary>
    public long DataChunks { get; private set; }

    /// <summary>Writes a leaf, or recognises it as the parent's.</summary>
    /// <param name="leaf">The leaf.</param>
    /// <param name="used">How many of its entries stand for a part of the disk.</param>
    /// <param name="parentLeaf">The parent's leaf at the same position, or null.</param>
    /// <param name="parentRef">The reference to it.</param>
    /// <param name="relatives">Other leaves at the same position.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask AddLeafAsync(
        TreeNode leaf, int used, TreeNode? parentLeaf, NodeRef parentRef, IReadOnlyList<(TreeNode Node, NodeRef Reference)> relatives, CancellationToken cancellationToken)
    {
        NodeRef? known = parentLeaf is not null && IsUsableFor(leaf, parentLeaf, parentRef) ? parentRef : null;
        for (int index = 0; known is null && index < relatives.Count; index++)
        {
            known = IsUsableFor(leaf, relatives[index].Node, relatives[index].Reference) ? relatives[index].Reference : null;
        }

        if (known is { } same)
        {
            await AddLeafAsync(same with { Reach = same.Reach ?? leaf.DirectPacks(), Chunks = leaf.CountStored() }, cancellationToken).ConfigureAwait(false);
            return;
        }

        NodeRef written = await WriteAsync(leaf, used, cancellationToken).ConfigureAwait(false);
        await AddLeafAsync(written with { Reach = written.Kind == EntryKind.Stored ? leaf.DirectPacks() : null, Chunks = leaf.CountStored() }, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Adds a subtree that exists, or a reserved digest.</summary>
    /// <param name="node">The reference to its node; to a leaf, with the packs that it names.</param>
    /// <param name="level">The level of the node, at most the root's.</param>
    /// <param name="reach">What a stored node above the leaves brings with it.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public ValueTask AddSubtreeAsync(NodeRef node, int level, SubtreeReach? reach, CancellationToken cancellationToken)
    {
        if (level == 0)
        {
            return AddLeafAsync(node, cancellationToken);
        }

        if (node.Kind == EntryKind.Stored)
        {
            Refs.UnionWith(reach!.Packs);
            DataChunks += reach.Chunks;
        }

        _leaves += Math.Min(TreeGeometry.ChunksPerEntry(level), _geometry.LeafCount - _leaves);
        return AddAsync(node, level + 1, cancellationToken);
    }

    /// <summary>Adds a reference to a leaf that exists, or a reserved digest.</summary>
    private ValueTask AddLeafAsync(NodeRef leaf, CancellationToken cancellationToken)
    {
        if (leaf.Kind == EntryKind.Stored)
        {
            Refs.Add(leaf.Place.Pack);
            Refs.UnionWith(leaf.Reach!);
            DataChunks += leaf.Chunks;
        }

        _leaves++;
        return AddAsync(leaf, 1, cancellationToken);
    }

    /// <summary>Ends the tree.</summary>
    /// <returns>The root.</returns>
    public async ValueTask<NodeRef> CompleteAsync(CancellationToken cancellationToken)
    {
        if (_geometry.ChunkCount == 0)
        {
            return default;
        }

        if (_leaves != _geometry.LeafCount)
        {
            throw new InvalidOperationException($"{_leaves} leaves were added to a tree of {_geometry.LeafCount}.");
        }

        for (int level = 1; level < _geometry.Levels; level++)
        {
            if (_open[level] is not null)
            {
                await CloseAsync(level, cancellationToken).ConfigureAwait(false);
            }
        }

        return _root;
    }

    private async ValueTask AddAsync(NodeRef child, int level, CancellationToken cancellationToken)
    {
        if (level == _geometry.Levels)
        {
            _root = child;
            return;
        }

        TreeNode node = _open[level] ??= new TreeNode(level);
        int index = _filled[level]++;
        switch (child.Kind)
        {
            case EntryKind.Zero:
                node.SetZero(index);
                break;
            case EntryKind.Absent:
                node.SetAbsent(index);
                break;
            default:
                node.SetStored(index, child.Hash, child.Place);
                if (level == 1)
                {
                    node.SetReach(index, child.Reach!, child.Chunks);
                }

                break;
        }

        if (_filled[level] == TreeGeometry.FanOut)
        {
            await CloseAsync(level, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask CloseAsync(int level, CancellationToken cancellationToken)
    {
        TreeNode node = _open[level]!;
        int used = _filled[level];
        _open[level] = null;
        _filled[level] = 0;
        long firstLeaf = (_leaves - 1) / TreeGeometry.ChunksPerEntry(level) * TreeGeometry.ChunksPerEntry(level);
        NodeRef closed = await FindInRelativesAsync(node, level, firstLeaf * TreeGeometry.FanOut, cancellationToken).ConfigureAwait(false)
            ?? await WriteAsync(node, used, cancellationToken).ConfigureAwait(false);
        if (closed.Kind == EntryKind.Stored)
        {
            Refs.Add(closed.Place.Pack);
        }

        await AddAsync(closed, level + 1, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<NodeRef?> FindInRelativesAsync(TreeNode node, int level, long firstChunk, CancellationToken cancellationToken)
    {
        foreach (SnapshotTree relative in _relatives)
        {
            if (level > relative.Geometry.RootLevel || firstChunk >= relative.Geometry.ChunkCount)
            {
                continue;
            }

            (NodeRef found, int foundLevel) = await relative.FindAsync(level, firstChunk, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
            if (found.Kind != EntryKind.Stored || foundLevel != level || !_isUsable(found.Place.Pack))
            {
                continue;
            }

            TreeNode old = await relative.LoadAsync(found, level, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
            if (old.IsSameAs(node))
            {
                return found;
            }
        }

        return null;
    }

    private bool IsUsableFor(TreeNode leaf, TreeNode existing, in NodeRef reference) => leaf.IsSameAs(existing) && _isUsable(reference.Place.Pack);

    private async ValueTask<NodeRef> WriteAsync(TreeNode node, int used, CancellationToken cancellationToken)
    {
        ContentDigest hash = node.ComputeHash(_context.Suite, used);
        if (TreeNode.KindOf(hash) != EntryKind.Stored)
        {
            return new NodeRef(hash, default, null, 0);
        }

        byte[] plain = NodeCodec.Encode(node);
        byte[] frame = new byte[_context.Frames.MaxFrameLength(plain.Length)];
        FrameHeader header = _context.Frames.Encode(FrameKind.Node, hash, plain, ChunkCodec.Stored, frame);
        FramePlace place = await _packs.AppendAsync(frame.AsMemory(0, header.FrameLength), header, cancellationToken).ConfigureAwait(false);
        node.VerifiedHash = hash;
        return new NodeRef(hash, place, null, 0);
    }
}
