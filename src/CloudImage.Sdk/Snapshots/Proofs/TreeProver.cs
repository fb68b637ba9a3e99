using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Trees;

namespace CloudImage.Sdk.Snapshots.Proofs;

/// <summary>
/// Writes the part of a proof that leads from the root to chunks, in pre-order: of each node on the way the hashes of the halves that
/// the range does not touch, and for each entry that it touches a byte that says what it is. One use each.
/// </summary>
internal sealed class TreeProver
{
    private readonly SnapshotTree _tree;
    private readonly ContentHashAlgorithm _suite;
    private readonly long _first;
    private readonly long _last;
    private readonly RecordWriter _proof = new();

    public TreeProver(SnapshotTree tree, ContentHashAlgorithm suite, long first, long last)
    {
        _tree = tree;
        _suite = suite;
        _first = first;
        _last = last;
    }

    /// <summary>The stored chunks of the range, in order.</summary>
    public List<(long Chunk, ContentDigest Digest, FramePlace Place)> Chunks { get; } = [];

    public async ValueTask<ReadOnlyMemory<byte>> ExecuteAsync(CancellationToken cancellationToken)
    {
        await EntryAsync(_tree.Root, _tree.Geometry.RootLevel + 1, 0, cancellationToken).ConfigureAwait(false);
        return _proof.Written;
    }

    private async ValueTask EntryAsync(NodeRef entry, int level, long chunk, CancellationToken cancellationToken)
    {
        _proof.Byte((int)entry.Kind);
        if (entry.Kind != EntryKind.Stored)
        {
            return;
        }

        if (level == 0)
        {
            _proof.Digest(entry.Hash);
            Chunks.Add((chunk, entry.Hash, entry.Place));
            return;
        }

        TreeNode node = await _tree.LoadAsync(entry, level - 1, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
        ContentDigest[] hashes = HashAll(node);
        await HalfAsync(node, hashes, 1, 0, TreeGeometry.FanOut, level - 1, chunk, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask HalfAsync(TreeNode node, ContentDigest[] hashes, int at, int from, int to, int level, long chunk, CancellationToken cancellationToken)
    {
        long perEntry = TreeGeometry.ChunksPerEntry(level);
        if (chunk + (from * perEntry) > _last || chunk + (to * perEntry) <= _first)
        {
            _proof.Digest(hashes[at]);
        }
        else if (to - from == 1)
        {
            await EntryAsync(new NodeRef(node.Digest(from), node.Place(from), null, 0), level, chunk + (from * perEntry), cancellationToken).ConfigureAwait(false);
        }
        else
        {
            int middle = (from + to) / 2;
            await HalfAsync(node, hashes, 2 * at, from, middle, level, chunk, cancellationToken).ConfigureAwait(false);
            await HalfAsync(node, hashes, (2 * at) + 1, middle, to, level, chunk, cancellationToken).ConfigureAwait(false);
        }
    }

    // Numbered as a heap: 1 is the root of the node, 256 and on are its entries.
    private ContentDigest[] HashAll(TreeNode node)
    {
        ContentDigest[] hashes = new ContentDigest[2 * TreeGeometry.FanOut];
        for (int index = 0; index < TreeGeometry.FanOut; index++)
        {
            hashes[TreeGeometry.FanOut + index] = SuiteHash.Leaf(_suite, node.Digest(index));
        }

        for (int index = TreeGeometry.FanOut - 1; index >= 1; index--)
        {
            hashes[index] = SuiteHash.Pair(_suite, hashes[2 * index], hashes[(2 * index) + 1]);
        }

        return hashes;
    }
}
