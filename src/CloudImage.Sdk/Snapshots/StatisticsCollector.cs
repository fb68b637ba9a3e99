using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Trees;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots;

/// <summary>Counts who refers to which frame. Memory in proportion to the frames referred to. One use each.</summary>
internal sealed class StatisticsCollector
{
    private const int Shared = -1;
    private readonly RepositoryContext _context;
    private readonly Dictionary<FramePlace, int> _owners = [];
    private readonly List<long> _referenced = [];
    private readonly HashSet<FramePlace> _seen = [];
    private long _chunks;
    private long _bytes;

    public StatisticsCollector(RepositoryContext context) => _context = context;

    public async ValueTask<RepositoryStatistics> CollectAsync(IReadOnlyList<SnapshotInfo> snapshots, CancellationToken cancellationToken)
    {
        await _context.Moves.RefreshAsync(_context, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
        for (int index = 0; index < snapshots.Count; index++)
        {
            _seen.Clear();
            _referenced.Add(0);
            SnapshotTree tree = snapshots[index].Committed.OpenTree(_context);
            await WalkAsync(tree, tree.Root, tree.Geometry.RootLevel, index, cancellationToken).ConfigureAwait(false);
        }

        long[] exclusive = new long[snapshots.Count];
        foreach ((FramePlace place, int owner) in _owners)
        {
            if (owner != Shared)
            {
                exclusive[owner] += place.Length;
            }
        }

        List<SnapshotStatistics> statistics = [];
        for (int index = 0; index < snapshots.Count; index++)
        {
            statistics.Add(new SnapshotStatistics { Snapshot = snapshots[index], ReferencedBytes = _referenced[index], ExclusiveBytes = exclusive[index] });
        }

        (long stored, long objects) = await MeasureAsync(cancellationToken).ConfigureAwait(false);
        return new RepositoryStatistics
        {
            Snapshots = statistics,
            UniqueBytes = _chunks * _context.Header.ChunkSize,
            ReferencedBytes = _bytes,
            StoredBytes = stored,
            Objects = objects,
        };
    }

    private async ValueTask WalkAsync(SnapshotTree tree, NodeRef reference, int level, int snapshot, CancellationToken cancellationToken)
    {
        if (reference.Kind != EntryKind.Stored || !_seen.Add(reference.Place))
        {
            return;
        }

        Count(reference.Place, snapshot);
        TreeNode node = await tree.LoadAsync(reference, level, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
        for (int index = 0; index < TreeGeometry.FanOut; index++)
        {
            if (level > 0)
            {
                await WalkAsync(tree, new NodeRef(node.Digest(index), node.Place(index), null, 0), level - 1, snapshot, cancellationToken).ConfigureAwait(false);
            }
            else if (node.Kind(index) == EntryKind.Stored && _seen.Add(node.Place(index)))
            {
                if (node.Place(index).Patch is { } patch && _seen.Add(patch.Base))
                {
                    Count(patch.Base, snapshot);
                }

                _chunks += Count(node.Place(index), snapshot) ? 1 : 0;
            }
        }
    }

    private bool Count(FramePlace written, int snapshot)
    {
        FramePlace place = _context.Moves.Resolve(written);
        _referenced[snapshot] += place.Length;
        if (_owners.TryAdd(place, snapshot))
        {
            _bytes += place.Length;
            return true;
        }

        _owners[place] = Shared;
        return false;
    }

    private async ValueTask<(long Stored, long Objects)> MeasureAsync(CancellationToken cancellationToken)
    {
        long stored = 0;
        long objects = 0;
        await foreach (ObjectInfo info in _context.Store.ListAsync(string.Empty, null, cancellationToken).ConfigureAwait(false))
        {
            stored += info.Length;
            objects++;
        }

        return (stored, objects);
    }
}
