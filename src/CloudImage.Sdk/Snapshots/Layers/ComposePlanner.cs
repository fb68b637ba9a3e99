using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots.Capture;
using CloudImage.Sdk.Snapshots.Trees;

namespace CloudImage.Sdk.Snapshots.Layers;

/// <summary>
/// Walks the trees of layers from the top: where the uppermost one that holds anything hides those below, or nothing lies
/// below, its subtree is taken over as it is. Only nodes in which layers mingle are read, and chunks only where a disk ends within one.
/// </summary>
internal sealed class ComposePlanner : TreePlanner
{
    private readonly SnapshotTree[] _trees;
    private readonly bool _isBottomWhole;
    private readonly bool _keepsAbsent;

    public ComposePlanner(CapturePlan plan, SnapshotTree[] topToBottom, bool isBottomWhole, bool keepsAbsent)
        : base(plan)
    {
        _trees = topToBottom;
        _isBottomWhole = isBottomWhole;
        _keepsAbsent = keepsAbsent;
    }

    protected override async ValueTask WalkAsync(CancellationToken cancellationToken)
    {
        TreeCursor[] cursors = new TreeCursor[_trees.Length];
        for (int index = 0; index < cursors.Length; index++)
        {
            cursors[index] = await TreeCursor.BeginAsync(_trees[index], Geometry.RootLevel, cancellationToken).ConfigureAwait(false);
        }

        await WalkAsync(cursors, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask WalkAsync(ReadOnlyMemory<TreeCursor> layers, CancellationToken cancellationToken)
    {
        TreeCursor first = layers.Span[0];
        long end = EndOf(first.Level, first.FirstChunk);
        layers = SkipAbsent(layers, end);
        if (layers.IsEmpty)
        {
            await EmitReservedAsync(_keepsAbsent ? EntryKind.Absent : EntryKind.Zero, first.Level, first.FirstChunk, cancellationToken).ConfigureAwait(false);
            return;
        }

        TreeCursor top = layers.Span[0];
        if (top.IsBehindEnd || top.Kind == EntryKind.Zero)
        {
            // A layer that ends reads as zeros from there on, and hides what lies under it.
            await EmitReservedAsync(EntryKind.Zero, top.Level, top.FirstChunk, cancellationToken).ConfigureAwait(false);
            return;
        }

        bool isWhole = top.Kind == EntryKind.Stored && top.HasHash && IsSameShape(top, end) && HidesOrEndsAll(layers, end);
        if (isWhole && await TryShareAsync(top, cancellationToken).ConfigureAwait(false))
        {
            return;
        }

        TreeNode?[] nodes = new TreeNode?[layers.Length];
        for (int index = 0; index < nodes.Length; index++)
        {
            nodes[index] = layers.Span[index].IsBehindEnd ? null : await layers.Span[index].LoadAsync(cancellationToken).ConfigureAwait(false);
        }

        if (top.Level == 0)
        {
            await BuildLeafAsync(layers, nodes, cancellationToken).ConfigureAwait(false);
            return;
        }

        int used = Geometry.UsedEntries(top.Level, top.FirstChunk);
        for (int entry = 0; entry < used; entry++)
        {
            TreeCursor[] children = new TreeCursor[nodes.Length];
            for (int index = 0; index < children.Length; index++)
            {
                children[index] = layers.Span[index].Child(nodes[index], entry);
            }

            await WalkAsync(children, cancellationToken).ConfigureAwait(false);
        }
    }

    private static ReadOnlyMemory<TreeCursor> SkipAbsent(ReadOnlyMemory<TreeCursor> layers, long end)
    {
        while (!layers.IsEmpty && IsAbsentUpTo(layers.Span[0], end))
        {
            layers = layers[1..];
        }

        return layers;
    }

    private static bool IsAbsentUpTo(in TreeCursor layer, long end) => layer.Kind == EntryKind.Absent && layer.Tree.Geometry.Length >= end;

    // The last chunks of two disks of different lengths differ in their padding, so that a node that holds one is looked at.
    private bool IsSameShape(in TreeCursor layer, long end) =>
        layer.Tree.Geometry.Length == Geometry.Length || (end < Geometry.Length && layer.Tree.Geometry.Length >= end);

    private bool HidesOrEndsAll(ReadOnlyMemory<TreeCursor> layers, long end)
    {
        if (layers.Length == 1)
        {
            return _isBottomWhole || _keepsAbsent;
        }

        return _keepsAbsent && SkipAbsent(layers[1..], end).IsEmpty;
    }

    private async ValueTask BuildLeafAsync(ReadOnlyMemory<TreeCursor> layers, TreeNode?[] nodes, CancellationToken cancellationToken)
    {
        TreeCursor top = layers.Span[0];
        List<(TreeNode Node, NodeRef Reference)> relatives = [];
        for (int index = 0; index < nodes.Length; index++)
        {
            if (nodes[index] is { } node)
            {
                relatives.Add((node, layers.Span[index].Node));
            }
        }

        CaptureLeaf leaf = new()
        {
            FirstChunk = top.FirstChunk,
            Used = Geometry.UsedEntries(0, top.FirstChunk),
            ParentNode = null,
            ParentRef = default,
            Relatives = relatives,
        };
        List<CaptureUnit> units = [];
        for (int index = 0; index < leaf.Used; index++)
        {
            if (!TryTakeOver(leaf, index, layers.Span, nodes))
            {
                Read(leaf, index, units);
            }
        }

        await EmitLeafAsync(leaf, units, cancellationToken).ConfigureAwait(false);
    }

    private bool TryTakeOver(CaptureLeaf leaf, int index, ReadOnlySpan<TreeCursor> layers, TreeNode?[] nodes)
    {
        long chunk = leaf.FirstChunk + index;
        long start = chunk * Geometry.ChunkSize;
        long visible = Math.Min(Geometry.Length, start + Geometry.ChunkSize);
        long end = visible;
        for (int layer = 0; layer < layers.Length; layer++)
        {
            TreeGeometry shape = layers[layer].Tree.Geometry;
            EntryKind kind = chunk >= shape.ChunkCount ? EntryKind.Zero : nodes[layer]?.Kind(index) ?? layers[layer].Kind;
            switch (kind)
            {
                case EntryKind.Zero:
                    return true;
                case EntryKind.Stored:
                    // What the chunk holds behind the end of the result, or of a layer above, is not to be seen.
                    return visible >= Math.Min(shape.Length, start + Geometry.ChunkSize) && TryShare(leaf, index, nodes[layer]!);
                default:
                    visible = Math.Min(visible, shape.Length);
                    break;
            }
        }

        if (_keepsAbsent)
        {
            leaf.Node.SetAbsent(index);
            if (visible < end)
            {
                throw new SnapshotRepositoryException(
                    $"A layer ends at byte {visible}, within a chunk that no layer holds: part of it would show what lies below and part zeros. Compose with the base, or make the lengths of the layers multiples of {Geometry.ChunkSize}.");
            }
        }

        return true;
    }
}
