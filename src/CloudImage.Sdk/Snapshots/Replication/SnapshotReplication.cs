using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Sessions;
using CloudImage.Sdk.Snapshots.Trees;

namespace CloudImage.Sdk.Snapshots.Replication;

/// <summary>One walk over the tree of a snapshot that fills any number of targets: what several of them lack is read once. One use each.</summary>
internal sealed class SnapshotReplication
{
    private readonly SnapshotTree _source;
    private readonly IReadOnlyList<ReplicaTarget> _targets;
    private readonly FrameTransfer _transfer;
    private readonly Action<long> _progress;

    public SnapshotReplication(RepositoryContext context, CommittedSnapshot source, IReadOnlyList<ReplicaTarget> targets, FrameTransfer transfer, Action<long> progress)
    {
        _source = source.OpenTree(context);
        _targets = targets;
        _transfer = transfer;
        _progress = progress;
    }

    public async ValueTask ExecuteAsync(CancellationToken cancellationToken)
    {
        foreach (ReplicaTarget target in _targets)
        {
            target.BeginRound(_source.Geometry);
        }

        if (_source.Geometry.ChunkCount > 0)
        {
            await WalkAsync(_source.Root, _source.Geometry.RootLevel, 0, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask WalkAsync(NodeRef node, int level, long firstChunk, CancellationToken cancellationToken)
    {
        if (firstChunk >= _source.Geometry.ChunkCount)
        {
            return;
        }

        bool isReserved = node.Kind != EntryKind.Stored;
        if (level > 0 && !isReserved && !await HaveAllAsync(node.Hash, level, firstChunk, cancellationToken).ConfigureAwait(false))
        {
            TreeNode inner = await _source.LoadAsync(node, level, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
            long perEntry = TreeGeometry.ChunksPerEntry(level);
            for (int index = 0; index < TreeGeometry.FanOut; index++)
            {
                await WalkAsync(new NodeRef(inner.Digest(index), inner.Place(index), null, 0), level - 1, firstChunk + (index * perEntry), cancellationToken).ConfigureAwait(false);
            }

            return;
        }

        long end = Math.Min(_source.Geometry.ChunkCount, firstChunk + (TreeGeometry.ChunksPerEntry(level) * TreeGeometry.FanOut));
        for (long chunk = firstChunk; chunk < end; chunk += TreeGeometry.FanOut)
        {
            cancellationToken.ThrowIfCancellationRequested();
            await CopyLeafAsync(level == 0 || isReserved ? node : null, chunk, cancellationToken).ConfigureAwait(false);
            _progress(Math.Min(_source.Geometry.Length, (chunk + TreeGeometry.FanOut) * _source.Geometry.ChunkSize));
        }
    }

    private async ValueTask<bool> HaveAllAsync(ContentDigest hash, int level, long firstChunk, CancellationToken cancellationToken)
    {
        foreach (ReplicaTarget target in _targets)
        {
            if (!await target.HasSubtreeAsync(hash, level, firstChunk, cancellationToken).ConfigureAwait(false))
            {
                return false;
            }
        }

        return true;
    }

    // Without a node the subtree above was found equal in every target, and the source's leaf is only looked for where a target cannot keep its own.
    private async ValueTask CopyLeafAsync(NodeRef? node, long firstChunk, CancellationToken cancellationToken)
    {
        List<ReplicaTarget> lacking = [];
        foreach (ReplicaTarget target in _targets)
        {
            if (!await target.TryKeepLeafAsync(node?.Hash, firstChunk, cancellationToken).ConfigureAwait(false))
            {
                lacking.Add(target);
            }
        }

        if (lacking.Count == 0)
        {
            return;
        }

        NodeRef wanted = node ?? (await _source.FindAsync(0, firstChunk, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false)).Node;
        if (wanted.Kind != EntryKind.Stored)
        {
            foreach (ReplicaTarget target in lacking)
            {
                await target.AddReservedAsync(wanted, cancellationToken).ConfigureAwait(false);
            }

            return;
        }

        TreeNode leaf = await _source.LoadAsync(wanted, 0, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
        await TransferAsync(leaf, lacking, cancellationToken).ConfigureAwait(false);
        foreach (ReplicaTarget target in lacking)
        {
            await target.EndLeafAsync(_source.Geometry.UsedEntries(0, firstChunk), cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask TransferAsync(TreeNode leaf, List<ReplicaTarget> targets, CancellationToken cancellationToken)
    {
        List<(ContentDigest Digest, FramePlace Place)> wanted = [];
        Dictionary<ContentDigest, List<(ReplicaTarget Target, List<int> Entries)>> takers = [];
        foreach (ReplicaTarget target in targets)
        {
            foreach (int entry in await target.BeginLeafAsync(leaf, cancellationToken).ConfigureAwait(false))
            {
                ContentDigest digest = leaf.Digest(entry);
                if (!takers.TryGetValue(digest, out List<(ReplicaTarget Target, List<int> Entries)>? who))
                {
                    who = [];
                    takers.Add(digest, who);
                    wanted.Add((digest, leaf.Place(entry)));
                }

                if (who.Count == 0 || who[^1].Target != target)
                {
                    who.Add((target, []));
                }

                who[^1].Entries.Add(entry);
            }
        }

        await _transfer.FetchAsync(wanted, async chunk =>
        {
            foreach ((ReplicaTarget target, List<int> entries) in takers[chunk.Digest])
            {
                await target.StoreAsync(chunk, entries, cancellationToken).ConfigureAwait(false);
            }
        }, cancellationToken).ConfigureAwait(false);
    }
}
