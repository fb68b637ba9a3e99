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
        Pair roots = new(_older.Root, _newer.Root, 0);
        if (!IsSame(roots, level))
        {
            await CompareAsync([roots], level, mode, cancellationToken).ConfigureAwait(false);
        }

        return _changes;
    }

    // The pairs of a level, in order. Their children are taken together as far as the window reaches: many are loaded in the time of one, and few are held.
    private async ValueTask CompareAsync(List<Pair> pairs, int level, IoMode mode, CancellationToken cancellationToken)
    {
        (TreeNode?[] older, TreeNode?[] newer) = await LoadAsync(pairs, level, mode, cancellationToken).ConfigureAwait(false);
        long perEntry = TreeGeometry.ChunksPerEntry(level);
        List<Pair> children = [];
        for (int at = 0; at < pairs.Count; at++)
        {
            Pair pair = pairs[at];
            if (older[at] is null && newer[at] is null && IsReal(pair, level))
            {
                // What lies before it comes before it.
                await FlushAsync().ConfigureAwait(false);
                Add(pair.FirstChunk, perEntry * TreeGeometry.FanOut, pair.Newer.Kind);
                continue;
            }

            for (int index = NextDifference(older[at], newer[at], 0); index < TreeGeometry.FanOut; index = NextDifference(older[at], newer[at], index + 1))
            {
                Pair child = new(
                    Child(_older, pair.Older, older[at], level, index), Child(_newer, pair.Newer, newer[at], level, index), pair.FirstChunk + (index * perEntry));
                if (level == 0)
                {
                    if (child.Older.Hash != child.Newer.Hash)
                    {
                        Add(child.FirstChunk, 1, child.Newer.Kind);
                    }
                }
                else if (!IsSame(child, level - 1))
                {
                    children.Add(child);
                    if (children.Count == Window)
                    {
                        await FlushAsync().ConfigureAwait(false);
                    }
                }
            }
        }

        await FlushAsync().ConfigureAwait(false);

        async ValueTask FlushAsync()
        {
            if (children.Count > 0)
            {
                List<Pair> together = children;
                children = [];
                await CompareAsync(together, level - 1, mode, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    // Hashes of nodes compare only where both stand at this level: the root of a shorter disk stands lower.
    private bool IsReal(in Pair pair, int level) =>
        (level <= _older.Geometry.RootLevel || pair.Older.Kind != EntryKind.Stored) && (level <= _newer.Geometry.RootLevel || pair.Newer.Kind != EntryKind.Stored);

    private bool IsSame(in Pair pair, int level) =>
        (pair.Older.Hash == pair.Newer.Hash && IsReal(pair, level)) || pair.FirstChunk >= _newer.Geometry.ChunkCount;

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

    private async ValueTask<(TreeNode?[] Older, TreeNode?[] Newer)> LoadAsync(List<Pair> pairs, int level, IoMode mode, CancellationToken cancellationToken)
    {
        TreeNode?[] older = new TreeNode?[pairs.Count];
        TreeNode?[] newer = new TreeNode?[pairs.Count];
        List<(SnapshotTree Tree, NodeRef Node, TreeNode?[] Target, int At)> missing = [];
        for (int at = 0; at < pairs.Count; at++)
        {
            Find(_older, pairs[at].Older, older, at);
            Find(_newer, pairs[at].Newer, newer, at);
        }

        if (mode == IoMode.Synchronous || missing.Count < 2)
        {
            foreach ((SnapshotTree tree, NodeRef node, TreeNode?[] target, int at) in missing)
            {
                target[at] = await tree.LoadAsync(node, level, mode, cancellationToken).ConfigureAwait(false);
            }

            return (older, newer);
        }

        ParallelOptions options = new() { MaxDegreeOfParallelism = Math.Min(missing.Count, _newer.Concurrency), CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(missing, options, async (item, token) =>
            item.Target[item.At] = await item.Tree.LoadAsync(item.Node, level, IoMode.Asynchronous, token).ConfigureAwait(false)).ConfigureAwait(false);
        return (older, newer);

        void Find(SnapshotTree tree, NodeRef node, TreeNode?[] target, int at)
        {
            if (level <= tree.Geometry.RootLevel && node.Kind == EntryKind.Stored)
            {
                Nodes++;
                target[at] = tree.TryGetLoaded(node, level);
                if (target[at] is null)
                {
                    missing.Add((tree, node, target, at));
                }
            }
        }
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

    /// <summary>Two nodes, or what stands for them, at one place of the disk.</summary>
    private readonly record struct Pair(NodeRef Older, NodeRef Newer, long FirstChunk);
}
