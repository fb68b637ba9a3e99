using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Snapshots.Trees;

/// <summary>Finds the chunks in which two trees differ, descending only where hashes do. One use each.</summary>
internal sealed class TreeDiff
{
    private const int Window = 64;
    private readonly SnapshotTree _older;
    private readonly SnapshotTree _newer;
    private readonly List<DiskExtent> _changes = [];

    public TreeDiff(SnapshotTree older, SnapshotTree newer)
    {
        _older = older;
        _newer = newer;
    }

    /// <summary>How many nodes were looked at.</summary>
    public long Nodes { get; private set; }

    /// <summary>Compares.</summary>
    /// <returns>The changed ranges of the newer tree, in whole chunks, with the kinds that they have there.</returns>
    public async ValueTask<List<DiskExtent>> CompareAsync(IoMode mode, CancellationToken cancellationToken)
    {
        int level = Math.Max(_older.Geometry.RootLevel, _newer.Geometry.RootLevel);
        await CompareAsync(_older.Root, _newer.Root, level, 0, mode, cancellationToken).ConfigureAwait(false);
        return _changes;
    }

    private async ValueTask CompareAsync(NodeRef older, NodeRef newer, int level, long firstChunk, IoMode mode, CancellationToken cancellationToken)
    {
        // Hashes of nodes compare only where both stand at this level: the root of a shorter disk stands lower.
        bool isOlderReal = level <= _older.Geometry.RootLevel || older.Kind != EntryKind.Stored;
        bool isNewerReal = level <= _newer.Geometry.RootLevel || newer.Kind != EntryKind.Stored;
        if ((isOlderReal && isNewerReal && older.Hash == newer.Hash) || firstChunk >= _newer.Geometry.ChunkCount)
        {
            return;
        }

        TreeNode? olderNode = await LoadAsync(_older, older, level, mode, cancellationToken).ConfigureAwait(false);
        TreeNode? newerNode = await LoadAsync(_newer, newer, level, mode, cancellationToken).ConfigureAwait(false);
        if (olderNode is null && newerNode is null && isOlderReal && isNewerReal)
        {
            Add(firstChunk, TreeGeometry.ChunksPerEntry(level) * TreeGeometry.FanOut, newer.Kind);
            return;
        }

        long perEntry = TreeGeometry.ChunksPerEntry(level);
        int loadedWindow = -1;
        for (int index = NextDifference(olderNode, newerNode, 0); index < TreeGeometry.FanOut; index = NextDifference(olderNode, newerNode, index + 1))
        {
            if (level > 0 && index / Window != loadedWindow && mode == IoMode.Asynchronous)
            {
                loadedWindow = index / Window;
                await LoadAheadAsync(older, olderNode, newer, newerNode, level, index, cancellationToken).ConfigureAwait(false);
            }

            long first = firstChunk + (index * perEntry);
            NodeRef olderChild = Child(_older, older, olderNode, level, index);
            NodeRef newerChild = Child(_newer, newer, newerNode, level, index);
            if (level > 0)
            {
                await CompareAsync(olderChild, newerChild, level - 1, first, mode, cancellationToken).ConfigureAwait(false);
            }
            else if (olderChild.Hash != newerChild.Hash)
            {
                Add(first, 1, newerChild.Kind);
            }
        }
    }

    // Of two nodes that stand at one level, the next entry in which they differ; where one stands for another, every entry is looked at.
    private static int NextDifference(TreeNode? older, TreeNode? newer, int from)
    {
        if (older is null || newer is null)
        {
            return from;
        }

        ReadOnlySpan<byte> left = MemoryMarshal.AsBytes(older.Digests[from..]);
        return from + (left.CommonPrefixLength(MemoryMarshal.AsBytes(newer.Digests[from..])) / ContentDigest.SizeInBytes);
    }

    // The children that will be looked at, a few at a time so that they are in the cache still when their turn comes: a remote store answers many requests in the time of one.
    private async ValueTask LoadAheadAsync(NodeRef older, TreeNode? olderNode, NodeRef newer, TreeNode? newerNode, int level, int from, CancellationToken cancellationToken)
    {
        List<(SnapshotTree Tree, NodeRef Node)> wanted = [];
        int end = (from / Window * Window) + Window;
        for (int index = from; index < end; index = NextDifference(olderNode, newerNode, index + 1))
        {
            NodeRef olderChild = Child(_older, older, olderNode, level, index);
            NodeRef newerChild = Child(_newer, newer, newerNode, level, index);
            if (olderChild.Hash == newerChild.Hash || level > Math.Min(_older.Geometry.RootLevel, _newer.Geometry.RootLevel))
            {
                continue;
            }

            if (olderChild.Kind == EntryKind.Stored)
            {
                wanted.Add((_older, olderChild));
            }

            if (newerChild.Kind == EntryKind.Stored)
            {
                wanted.Add((_newer, newerChild));
            }
        }

        if (wanted.Count > 1)
        {
            ParallelOptions options = new() { MaxDegreeOfParallelism = _newer.Concurrency, CancellationToken = cancellationToken };
            await Parallel.ForEachAsync(wanted, options, async (item, token) =>
                await item.Tree.LoadAsync(item.Node, level - 1, IoMode.Asynchronous, token).ConfigureAwait(false)).ConfigureAwait(false);
        }
    }

    private async ValueTask<TreeNode?> LoadAsync(SnapshotTree tree, NodeRef node, int level, IoMode mode, CancellationToken cancellationToken)
    {
        if (level > tree.Geometry.RootLevel || node.Kind != EntryKind.Stored)
        {
            return null;
        }

        Nodes++;
        return await tree.LoadAsync(node, level, mode, cancellationToken).ConfigureAwait(false);
    }

    private static NodeRef Child(SnapshotTree tree, NodeRef parent, TreeNode? node, int level, int index)
    {
        if (node is not null)
        {
            return new NodeRef(node.Digest(index), node.Place(index), null, 0);
        }

        // Above its own root a tree is a node whose first entry is the root and whose others are zero.
        return level > tree.Geometry.RootLevel && index > 0 ? default : parent;
    }

    private void Add(long chunk, long count, EntryKind kind)
    {
        long chunkSize = _newer.Geometry.ChunkSize;
        long first = chunk * chunkSize;
        long end = Math.Min(_newer.Geometry.Length, Math.Min(_newer.Geometry.ChunkCount, chunk + count) * chunkSize);
        if (first < end)
        {
            _changes.Add(new DiskExtent(first, end - first, kind switch
            {
                EntryKind.Stored => DiskExtentKind.Data,
                EntryKind.Absent => DiskExtentKind.Unmapped,
                _ => DiskExtentKind.Zero,
            }));
        }
    }
}
