using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Snapshots.Layers;
using CloudImage.Sdk.Snapshots.Sessions;

namespace CloudImage.Sdk.Snapshots;

public sealed partial class SnapshotRepository
{
    /// <summary>Puts layers on one another, as one snapshot. With a whole disk under them it is a whole disk, otherwise a layer.</summary>
    /// <param name="topToBottom">Ids of the snapshots, the uppermost first; the last one may be a whole disk. The result is as long as the first.</param>
    /// <param name="options">Image, tags, codec, deduplication and time of the result; what else they say is set by this method.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>The result, which shares the tree nodes and chunks of the layers.</returns>
    /// <exception cref="ArgumentException">There is no layer.</exception>
    /// <exception cref="SnapshotNotFoundException">One of them is not there.</exception>
    /// <remarks>
    /// The trees are put together, not the content: nodes in which layers mingle are read and written, subtrees that one layer
    /// alone holds are taken over, and of a subtree one node for 65 536 chunks is read. Chunks are read only where a disk ends within one.
    /// </remarks>
    public Task<CaptureResult> ComposeAsync(IReadOnlyList<string> topToBottom, CaptureOptions options, CancellationToken cancellationToken = default) =>
        ComposeCoreAsync(topToBottom, false, options, cancellationToken);

    /// <summary>Puts layers on one another as a whole disk: what none of them holds is zeros.</summary>
    /// <param name="topToBottom">Ids of the snapshots, the uppermost first; one alone makes a disk of a layer.</param>
    /// <param name="options">Image, tags, codec, deduplication and time of the result; what else they say is set by this method.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>The result, which shares the tree nodes and chunks of the layers.</returns>
    /// <exception cref="ArgumentException">There is no layer.</exception>
    /// <exception cref="SnapshotNotFoundException">One of them is not there.</exception>
    public Task<CaptureResult> FlattenAsync(IReadOnlyList<string> topToBottom, CaptureOptions options, CancellationToken cancellationToken = default) =>
        ComposeCoreAsync(topToBottom, true, options, cancellationToken);

    /// <summary>Moves a layer from the base that it was captured on to another state of that base.</summary>
    /// <param name="layerId">The layer.</param>
    /// <param name="oldBaseId">The base that it was captured on.</param>
    /// <param name="newBaseId">The base that it shall lie on.</param>
    /// <param name="options">Image, tags, codec, deduplication and time of the result; what else they say is set by this method.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>The rebased layer, or the blocks of 4 KiB that both sides changed, and then no layer.</returns>
    /// <exception cref="SnapshotNotFoundException">One of them is not there.</exception>
    /// <remarks>
    /// Blocks are compared, nothing else: what a file system inside makes of the mixture is not promised. The three trees are
    /// descended where the bases differ and the layer holds something; chunks are read where all three differ.
    /// </remarks>
    public async Task<RebaseResult> RebaseAsync(string layerId, string oldBaseId, string newBaseId, CaptureOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        SnapshotDisk layer = await OpenDiskAsync(layerId, cancellationToken).ConfigureAwait(false);
        await using (layer.ConfigureAwait(false))
        {
            SnapshotDisk oldBase = await OpenDiskAsync(oldBaseId, cancellationToken).ConfigureAwait(false);
            await using (oldBase.ConfigureAwait(false))
            {
                SnapshotDisk newBase = await OpenDiskAsync(newBaseId, cancellationToken).ConfigureAwait(false);
                await using (newBase.ConfigureAwait(false))
                {
                    RebasePlan plan = new(layer.Snapshot.Committed, oldBase.Snapshot.Committed, newBase.Snapshot.Committed);
                    using RebasedDisk rebased = new(layer, oldBase, newBase);
                    BlockMap mixed = await plan.FindMixedAsync(_context, cancellationToken).ConfigureAwait(false);
                    BlockMap conflicts = await rebased.FindConflictsAsync(mixed, cancellationToken).ConfigureAwait(false);
                    if (conflicts.Count > 0)
                    {
                        return new RebaseResult(null, conflicts);
                    }

                    CaptureOptions capture = Derive(options, layerId, plan, layer.Snapshot.IsLayer);
                    return new RebaseResult(await CaptureAsync(rebased, capture, null, cancellationToken).ConfigureAwait(false), conflicts);
                }
            }
        }
    }

    private static CaptureOptions Derive(CaptureOptions options, string parentId, LayerPlan plan, bool isLayer) => new()
    {
        Image = options.Image,
        Codec = options.Codec,
        Deduplication = options.Deduplication,
        Tags = options.Tags,
        Signer = options.Signer,
        PatchFrames = options.PatchFrames,
        CreatedAt = options.CreatedAt,
        Concurrency = options.Concurrency,
        Parent = SnapshotParent.Of(parentId),
        AsLayer = isLayer,
        Layers = plan,
    };

    private async Task<CaptureResult> ComposeCoreAsync(IReadOnlyList<string> topToBottom, bool isFlat, CaptureOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(topToBottom);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfZero(topToBottom.Count);
        List<VirtualDisk> disks = [];
        List<CommittedSnapshot> layers = [];
        try
        {
            bool isLayer = true;
            foreach (string id in topToBottom)
            {
                SnapshotDisk disk = await OpenDiskAsync(id, cancellationToken).ConfigureAwait(false);
                disks.Add(disk);
                if (isLayer)
                {
                    // What lies under a whole disk is hidden.
                    layers.Add(disk.Snapshot.Committed);
                }

                isLayer &= disk.Snapshot.IsLayer;
            }

            bool keepsAbsent = isLayer && !isFlat;
            using LayeredDisk composed = new(disks, true);
            CaptureOptions capture = Derive(options, layers[^1].Id.ToString(), new ComposePlan(layers, keepsAbsent), keepsAbsent);
            return await CaptureAsync(composed, capture, null, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            foreach (VirtualDisk disk in disks)
            {
                await disk.DisposeAsync().ConfigureAwait(false);
            }
        }
    }
}
