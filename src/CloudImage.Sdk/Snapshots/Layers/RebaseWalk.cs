using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots.Trees;

namespace CloudImage.Sdk.Snapshots.Layers;

/// <summary>Walks a layer with its old and its new base, down to the leaves in which the layer holds something and the bases differ.</summary>
internal sealed class RebaseWalk
{
    private readonly SnapshotTree[] _trees;
    private Func<TreeCursor, CancellationToken, ValueTask<bool>>? _keep;
    private Func<RebaseLeaf, CancellationToken, ValueTask>? _look;

    /// <param name="trees">Those of the layer, the old base and the new base.</param>
    public RebaseWalk(SnapshotTree[] trees) => _trees = trees;

    /// <summary>Walks.</summary>
    /// <param name="keep">Takes what stays the layer's as it is; where it returns false, the walk goes further down.</param>
    /// <param name="look">Takes the leaves that are to be looked at.</param>
    /// <param name="cancellationToken">Ends the walk.</param>
    public async ValueTask RunAsync(
        Func<TreeCursor, CancellationToken, ValueTask<bool>> keep, Func<RebaseLeaf, CancellationToken, ValueTask> look, CancellationToken cancellationToken)
    {
        _keep = keep;
        _look = look;
        TreeGeometry geometry = _trees[0].Geometry;
        if (geometry.ChunkCount > 0)
        {
            TreeCursor layer = await TreeCursor.BeginAsync(_trees[0], geometry.RootLevel, cancellationToken).ConfigureAwait(false);
            TreeCursor oldBase = await TreeCursor.BeginAsync(_trees[1], geometry.RootLevel, cancellationToken).ConfigureAwait(false);
            TreeCursor newBase = await TreeCursor.BeginAsync(_trees[2], geometry.RootLevel, cancellationToken).ConfigureAwait(false);
            await WalkAsync(layer, oldBase, newBase, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask WalkAsync(TreeCursor layer, TreeCursor oldBase, TreeCursor newBase, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        bool isKept = layer.Kind == EntryKind.Absent || AreSame(oldBase, newBase);
        if (isKept && await _keep!(layer, cancellationToken).ConfigureAwait(false))
        {
            return;
        }

        TreeNode? layerNode = await layer.LoadAsync(cancellationToken).ConfigureAwait(false);
        TreeNode? oldNode = oldBase.IsBehindEnd ? null : await oldBase.LoadAsync(cancellationToken).ConfigureAwait(false);
        TreeNode? newNode = newBase.IsBehindEnd ? null : await newBase.LoadAsync(cancellationToken).ConfigureAwait(false);
        if (layer.Level == 0)
        {
            await _look!(new RebaseLeaf(layer, layerNode, oldBase, oldNode, newBase, newNode), cancellationToken).ConfigureAwait(false);
            return;
        }

        int used = layer.Tree.Geometry.UsedEntries(layer.Level, layer.FirstChunk);
        for (int index = 0; index < used; index++)
        {
            await WalkAsync(layer.Child(layerNode, index), oldBase.Child(oldNode, index), newBase.Child(newNode, index), cancellationToken).ConfigureAwait(false);
        }
    }

    // A base reads as zeros where it is absent and behind its end.
    private static bool AreSame(in TreeCursor one, in TreeCursor other)
    {
        bool isOneZero = one.IsBehindEnd || one.Kind != EntryKind.Stored;
        bool isOtherZero = other.IsBehindEnd || other.Kind != EntryKind.Stored;
        return isOneZero || isOtherZero ? isOneZero == isOtherZero : one.HasHash && other.HasHash && one.Node.Hash == other.Node.Hash;
    }
}
