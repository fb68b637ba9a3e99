using System;
using System.Buffers;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Sessions;
using CloudImage.Sdk.Snapshots.Trees;

namespace CloudImage.Sdk.Snapshots.Collection;

/// <summary>Walks the trees of snapshots and marks every frame that they need. A node that several share is walked once. Several trees may be walked at the same time.</summary>
/// <remarks>
/// <para>
/// Memory: of a pack that is measured some hundred bytes and half a byte a frame, 3.4 GB for 1 PB of chunks of 256 KiB that do not compress; for nodes in packs that are not
/// measured a hundred bytes each. Nodes of a level are read in the order of their places, neighbours with one request of up to 4 MiB.
/// </para>
/// <para>
/// A walk that breaks off leaves nodes marked below which nothing is. That is why whoever meets it excludes all packs that its snapshot refers to: whatever lies
/// below those nodes lies in them, and of an excluded pack nothing is believed.
/// </para>
/// </remarks>
internal sealed class FrameMarker : IDisposable
{
    private const int MaxGap = 64 << 10;
    private readonly RepositoryContext _context;
    private readonly SemaphoreSlim _reads;
    private readonly Dictionary<PackId, PackMarks> _packs = [];
    private readonly ConcurrentDictionary<FramePlace, bool> _visited = new();
    private long _references;

    public FrameMarker(RepositoryContext context)
    {
        _context = context;
        _reads = new SemaphoreSlim(Math.Max(1, context.Store.Capabilities.PreferredConcurrency));
    }

    /// <summary>References followed.</summary>
    public long References => Interlocked.Read(ref _references);

    /// <summary>The packs that were measured, but for those of which it is not known what is needed.</summary>
    public IEnumerable<KeyValuePair<PackId, PackMarks>> Packs
    {
        get
        {
            foreach (KeyValuePair<PackId, PackMarks> pack in _packs)
            {
                if (!pack.Value.IsExcluded)
                {
                    yield return pack;
                }
            }
        }
    }

    /// <summary>The marks of a pack that was measured.</summary>
    public PackMarks this[PackId pack] => _packs[pack];

    /// <summary>Reads the slot table of a pack that shall be measured, before anything is walked.</summary>
    /// <returns>Null, or what is wrong with the pack, which is then not measured.</returns>
    public async ValueTask<string?> LoadAsync(PackId pack, long length, CancellationToken cancellationToken)
    {
        try
        {
            PackMarks marks = new(await PackReader.ReadSlotsAsync(_context.Store, pack, length, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false));
            lock (_packs)
            {
                _packs.Add(pack, marks);
            }

            return null;
        }
        catch (RepositoryCorruptException exception)
        {
            return exception.Message;
        }
    }

    /// <summary>Forgets packs of which it is not known what is needed of them.</summary>
    public void Exclude(RefSet packs)
    {
        foreach (PackId pack in packs)
        {
            if (_packs.TryGetValue(pack, out PackMarks? marks))
            {
                marks.IsExcluded = true;
            }
        }
    }

    /// <summary>Walks the tree of a snapshot.</summary>
    /// <exception cref="RepositoryCorruptException">A node is missing or damaged: what it refers to is not known, and the packs of the snapshot are to be excluded.</exception>
    public async ValueTask WalkAsync(SnapshotDescriptor descriptor, CancellationToken cancellationToken)
    {
        if (TreeNode.KindOf(descriptor.Root) == EntryKind.Stored)
        {
            await WalkAsync([(descriptor.Root, descriptor.RootPlace)], descriptor.Geometry.RootLevel, cancellationToken).ConfigureAwait(false);
        }
    }

    public void Dispose() => _reads.Dispose();

    private async ValueTask WalkAsync(List<(ContentDigest Hash, FramePlace Place)> nodes, int level, CancellationToken cancellationToken)
    {
        List<(ContentDigest Hash, FramePlace Place)> wanted = new(nodes.Count);
        foreach ((ContentDigest hash, FramePlace written) in nodes)
        {
            FramePlace place = _context.Moves.Resolve(written);
            NodeCodec.ThrowIfTooLong(place);
            if (Find(place.Pack) is { } marks ? marks.Mark(place.Offset, place.Length) : _visited.TryAdd(place, true))
            {
                wanted.Add((hash, place));
            }
        }

        wanted.Sort(static (left, right) => FrameRange.Compare(left.Place, right.Place));
        List<(int From, int To)> ranges = [];
        for (int from = 0; from < wanted.Count;)
        {
            int to = FrameRange.EndOf(wanted, static node => node.Place, from, MaxGap);
            ranges.Add((from, to));
            from = to;
        }

        // Of the highest levels one node after the other: what lies below one is much already.
        ParallelOptions options = new() { MaxDegreeOfParallelism = level <= 1 ? _context.Store.Capabilities.PreferredConcurrency : 1, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(ranges, options, async (range, token) =>
        {
            List<List<(ContentDigest Hash, FramePlace Place)>> children = await ReadRangeAsync(wanted, range.From, range.To, level, token).ConfigureAwait(false);
            ParallelOptions below = new() { MaxDegreeOfParallelism = level == 1 ? _context.Store.Capabilities.PreferredConcurrency : 1, CancellationToken = token };
            await Parallel.ForEachAsync(children, below, (node, inner) => WalkAsync(node, level - 1, inner)).ConfigureAwait(false);
        }).ConfigureAwait(false);
    }

    /// <summary>Reads neighbours, and marks what leaves refer to.</summary>
    /// <returns>The children of the nodes above the leaves.</returns>
    private async ValueTask<List<List<(ContentDigest Hash, FramePlace Place)>>> ReadRangeAsync(
        List<(ContentDigest Hash, FramePlace Place)> nodes, int from, int to, int level, CancellationToken cancellationToken)
    {
        List<List<(ContentDigest Hash, FramePlace Place)>> children = [];
        FramePlace first = nodes[from].Place;
        int length = checked((int)(nodes[to - 1].Place.End - first.Offset));
        await _reads.WaitAsync(cancellationToken).ConfigureAwait(false);
        byte[] rented = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            await ReadFramesAsync(nodes, from, to, rented.AsMemory(0, length), cancellationToken).ConfigureAwait(false);
            for (int index = from; index < to; index++)
            {
                (ContentDigest hash, FramePlace place) = nodes[index];
                Follow(hash, place, rented.AsSpan((int)(place.Offset - first.Offset), (int)place.Length), level, children);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
            _reads.Release();
        }

        return children;
    }

    private void Follow(ContentDigest hash, FramePlace place, ReadOnlySpan<byte> frame, int level, List<List<(ContentDigest Hash, FramePlace Place)>> children)
    {
        byte[] plain = _context.Frames.RentNode(place, frame, hash, out int length);
        try
        {
            if (level == 0)
            {
                Interlocked.Add(ref _references, NodeMarker.MarkLeaf(place, plain.AsSpan(0, length), Find));
                return;
            }

            List<(ContentDigest Hash, FramePlace Place)> below = NodeMarker.ReadChildren(place, plain.AsSpan(0, length), level);
            Interlocked.Add(ref _references, below.Count);
            children.Add(below);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(plain);
        }
    }

    // A pack that is gone was compacted since its places were written down, or even since they were resolved: then frame by frame.
    private async ValueTask ReadFramesAsync(
        List<(ContentDigest Hash, FramePlace Place)> nodes, int from, int to, Memory<byte> frames, CancellationToken cancellationToken)
    {
        FramePlace first = nodes[from].Place;
        try
        {
            await PackReader.ReadExactlyAsync(_context.Store, first.Pack.ToString(), frames, first.Offset, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
        }
        catch (RepositoryCorruptException exception) when (PackReader.IsMissing(exception))
        {
            for (int index = from; index < to; index++)
            {
                FramePlace place = nodes[index].Place;
                Memory<byte> frame = frames.Slice((int)(place.Offset - first.Offset), (int)place.Length);
                await _context.ReadFrameAsync(place, frame, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private PackMarks? Find(PackId pack) => _packs.TryGetValue(pack, out PackMarks? marks) && !marks.IsExcluded ? marks : null;
}
