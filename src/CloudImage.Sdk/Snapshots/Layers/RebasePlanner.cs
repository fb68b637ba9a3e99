using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots.Capture;
using CloudImage.Sdk.Snapshots.Trees;

namespace CloudImage.Sdk.Snapshots.Layers;

/// <summary>Takes over what a layer and its new base have already; chunks in which both changed blocks are read alone.</summary>
internal sealed class RebasePlanner(CapturePlan plan, SnapshotTree[] trees) : TreePlanner(plan)
{
    protected override ValueTask WalkAsync(CancellationToken cancellationToken) => new RebaseWalk(trees).RunAsync(KeepAsync, LookAsync, cancellationToken);

    private async ValueTask<bool> KeepAsync(TreeCursor layer, CancellationToken cancellationToken)
    {
        if (layer.Kind == EntryKind.Stored)
        {
            return await TryShareAsync(layer, cancellationToken).ConfigureAwait(false);
        }

        await EmitReservedAsync(layer.Kind, layer.Level, layer.FirstChunk, cancellationToken).ConfigureAwait(false);
        return true;
    }

    private async ValueTask LookAsync(RebaseLeaf source, CancellationToken cancellationToken)
    {
        List<(TreeNode Node, NodeRef Reference)> relatives = [];
        if (source.NewNode is { } newNode)
        {
            relatives.Add((newNode, source.NewReference));
        }

        CaptureLeaf leaf = new()
        {
            FirstChunk = source.Layer.FirstChunk,
            Used = source.Used,
            ParentNode = source.LayerNode,
            ParentRef = source.Layer.Node,
            Relatives = relatives,
        };
        List<CaptureUnit> units = [];
        for (int index = 0; index < leaf.Used; index++)
        {
            RebaseSource from = source.SourceOf(index);
            TreeNode? node = from == RebaseSource.NewBase ? source.NewNode : source.LayerNode;
            EntryKind kind = from == RebaseSource.NewBase ? NewKind(source, index) : source.LayerKind(index);
            if (from == RebaseSource.Blocks || (kind == EntryKind.Stored && !TryShare(leaf, index, node!)))
            {
                Read(leaf, index, units);
            }
            else if (kind == EntryKind.Absent)
            {
                leaf.Node.SetAbsent(index);
            }
        }

        await EmitLeafAsync(leaf, units, cancellationToken).ConfigureAwait(false);
    }

    // A base that is absent somewhere reads as zeros there, and the layer hid it.
    private static EntryKind NewKind(RebaseLeaf source, int index) =>
        source.NewNode?.Kind(index) == EntryKind.Stored ? EntryKind.Stored : EntryKind.Zero;
}
