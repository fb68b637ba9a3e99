using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Packs;

namespace CloudImage.Sdk.Snapshots.Trees;

/// <summary>What a subtree that is taken over as it is brings with it: every pack that it reaches, and its number of stored chunks.</summary>
/// <remarks>Nodes of level 1 tell both of their leaves, so that one node is read for 65 536 chunks and no leaf under it.</remarks>
internal sealed class SubtreeReach
{
    public HashSet<PackId> Packs { get; } = [];

    public long Chunks { get; private set; }

    public static async ValueTask<SubtreeReach> CollectAsync(SnapshotTree tree, NodeRef node, int level, CancellationToken cancellationToken)
    {
        SubtreeReach reach = new();
        await reach.AddAsync(tree, node, level, cancellationToken).ConfigureAwait(false);
        return reach;
    }

    private async ValueTask AddAsync(SnapshotTree tree, NodeRef reference, int level, CancellationToken cancellationToken)
    {
        if (reference.Kind != EntryKind.Stored)
        {
            return;
        }

        Packs.Add(reference.Place.Pack);
        if (level == 0 && reference.Reach is { } known)
        {
            Packs.UnionWith(known);
            Chunks += reference.Chunks;
            return;
        }

        TreeNode node = await tree.LoadAsync(reference, level, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
        if (level == 0)
        {
            Packs.UnionWith(node.DirectPacks());
            Chunks += node.CountStored();
            return;
        }

        for (int index = 0; index < TreeGeometry.FanOut; index++)
        {
            NodeRef child = new(node.Digest(index), node.Place(index), level == 1 ? node.Reach(index) : null, node.ChunksOf(index));
            await AddAsync(tree, child, level - 1, cancellationToken).ConfigureAwait(false);
        }
    }
}
