using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Snapshots.Capture;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Trees;

namespace CloudImage.Sdk.Snapshots.Layers;

/// <summary>What planners of layers have in common: subtrees taken over whole, and leaves put together from entries and reads.</summary>
internal abstract class TreePlanner(CapturePlan plan) : ICapturePlanner
{
    private Func<CaptureItem, CancellationToken, ValueTask>? _emit;

    protected CapturePlan Plan { get; } = plan;

    protected TreeGeometry Geometry => Plan.Geometry;

    public async Task RunAsync(Func<CaptureItem, CancellationToken, ValueTask> emit, CancellationToken cancellationToken)
    {
        _emit = emit;
        if (Geometry.ChunkCount > 0)
        {
            await WalkAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    protected abstract ValueTask WalkAsync(CancellationToken cancellationToken);

    /// <summary>Position behind the last byte of the disk that a node stands for.</summary>
    protected long EndOf(int level, long firstChunk)
    {
        long chunks = TreeGeometry.ChunksPerEntry(level) * TreeGeometry.FanOut;
        return chunks < Geometry.ChunkCount - firstChunk ? (firstChunk + chunks) * Geometry.ChunkSize : Geometry.Length;
    }

    protected ValueTask EmitReservedAsync(EntryKind kind, int level, long firstChunk, CancellationToken cancellationToken)
    {
        NodeRef reserved = new(kind == EntryKind.Absent ? MerkleHash.Absent : MerkleHash.Zero, default, null, 0);
        return EmitAsync(new CaptureItem { Reference = reserved, Level = level, DiskBytes = BytesOf(level, firstChunk) }, cancellationToken);
    }

    /// <summary>Takes a subtree over.</summary>
    /// <returns>False where a pack of it may not be referred to: it has to be looked at entry by entry.</returns>
    protected async ValueTask<bool> TryShareAsync(TreeCursor cursor, CancellationToken cancellationToken)
    {
        SubtreeReach reach = await SubtreeReach.CollectAsync(cursor.Tree, cursor.Node, cursor.Level, cancellationToken).ConfigureAwait(false);
        foreach (PackId pack in reach.Packs)
        {
            if (!Plan.IsUsable(pack))
            {
                return false;
            }
        }

        PackId[]? direct = cursor.Level == 0 ? [.. DataPacks(reach)] : null;
        await EmitAsync(
            new CaptureItem
            {
                Reference = cursor.Node with { Reach = direct, Chunks = (int)Math.Min(int.MaxValue, reach.Chunks) },
                Level = cursor.Level,
                Reach = reach,
                DiskBytes = BytesOf(cursor.Level, cursor.FirstChunk),
            },
            cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>Takes an entry of a leaf over.</summary>
    /// <returns>False where its pack may not be referred to, and the chunk was not moved to another.</returns>
    protected bool TryShare(CaptureLeaf leaf, int index, TreeNode source)
    {
        bool isUsable = Plan.TryUse(source.Place(index), out FramePlace place);
        if (isUsable)
        {
            leaf.Node.SetStored(index, source.Digest(index), place);
        }

        return isUsable;
    }

    /// <summary>Asks for a chunk to be read from the disk of the plan.</summary>
    protected void Read(CaptureLeaf leaf, int index, List<CaptureUnit> units)
    {
        if (units.Count == 0 || units[^1].Entries.Count == Plan.ChunksPerUnit)
        {
            units.Add(new CaptureUnit(leaf));
        }

        long start = (leaf.FirstChunk + index) * Geometry.ChunkSize;
        units[^1].Entries.Add(index);
        units[^1].Ranges.Add(new DiskExtent(start, Math.Min(Geometry.ChunkSize, Geometry.Length - start), DiskExtentKind.Data));
    }

    protected ValueTask EmitLeafAsync(CaptureLeaf leaf, List<CaptureUnit> units, CancellationToken cancellationToken) =>
        CaptureItem.EmitLeafAsync(leaf, units, BytesOf(0, leaf.FirstChunk), Geometry.ChunkSize, _emit!, cancellationToken);

    private static IEnumerable<PackId> DataPacks(SubtreeReach reach)
    {
        foreach (PackId pack in reach.Packs)
        {
            if (pack.Kind == PackKind.Data)
            {
                yield return pack;
            }
        }
    }

    private ValueTask EmitAsync(CaptureItem item, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return _emit!(item, cancellationToken);
    }

    private long BytesOf(int level, long firstChunk) => EndOf(level, firstChunk) - (firstChunk * Geometry.ChunkSize);
}
