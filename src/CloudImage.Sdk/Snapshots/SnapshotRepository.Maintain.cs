using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Layers;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Sessions;

namespace CloudImage.Sdk.Snapshots;

public sealed partial class SnapshotRepository
{
    /// <summary>Counts what the snapshots hold, share and take up. Reads every tree, no chunk.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The statistics.</returns>
    /// <exception cref="RepositoryCorruptException">A tree is damaged.</exception>
    public async Task<RepositoryStatistics> GetStatisticsAsync(CancellationToken cancellationToken = default) =>
        await new StatisticsCollector(_context).CollectAsync(await ListAsync(cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);

    /// <summary>Mends a damaged snapshot from a disk that holds the same content, such as the one it was captured from or a replica's snapshot.</summary>
    /// <param name="id">The damaged snapshot.</param>
    /// <param name="source">A disk with exactly its content; the caller disposes it.</param>
    /// <param name="cancellationToken">Ends the work; the damaged snapshot is then as it was.</param>
    /// <returns>The snapshot that takes its place, or null where nothing is damaged.</returns>
    /// <exception cref="SnapshotRepositoryException">The source holds something else: nothing was changed.</exception>
    /// <remarks>
    /// Objects are never overwritten. What lies in damaged packs is read from the source and stored again; the result is a
    /// new snapshot of the same root, and the damaged one is given up. Others that share the damage are mended the same way,
    /// and then find the chunks stored already.
    /// </remarks>
    public async Task<CaptureResult?> RepairAsync(string id, VirtualDisk source, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        CommittedSnapshot damaged = await FindAsync(id, cancellationToken).ConfigureAwait(false);
        VerifyResult verified = await VerifyAsync(new VerifyOptions { SnapshotId = id }, null, cancellationToken).ConfigureAwait(false);
        if (verified.IsHealthy)
        {
            return null;
        }

        HashSet<PackId> packs = [];
        bool isTreeWhole = true;
        foreach (VerifyProblem problem in verified.Problems)
        {
            if (PackId.TryParse(problem.ObjectName, out PackId pack))
            {
                packs.Add(pack);
                isTreeWhole &= pack.Kind == PackKind.Data;
            }
        }

        // Without a whole tree everything is read and compared by its root alone; with it, only what lay in damaged packs.
        CaptureOptions options = new()
        {
            Image = damaged.Descriptor.Image,
            Parent = isTreeWhole ? SnapshotParent.Of(id) : SnapshotParent.None,
            ChangeMap = isTreeWhole ? BlockMap.Empty : null,
            AsLayer = damaged.Descriptor.IsLayer,
            Tags = damaged.Descriptor.Tags,
            CreatedAt = damaged.Descriptor.CreatedAt,
            ExcludedPacks = packs,
            RequiredRoot = damaged.Descriptor.Root,
        };
        CaptureResult result = await CaptureAsync(source, options, null, cancellationToken).ConfigureAwait(false);
        await DeleteAsync(id, cancellationToken).ConfigureAwait(false);
        return result;
    }

    /// <summary>Mends a damaged snapshot from another repository that holds a snapshot of the same content.</summary>
    /// <param name="id">The damaged snapshot.</param>
    /// <param name="replica">The other repository, of the same digest and chunk size; the caller disposes it.</param>
    /// <param name="cancellationToken">Ends the work; the damaged snapshot is then as it was.</param>
    /// <returns>The snapshot that takes its place, or null where nothing is damaged.</returns>
    /// <exception cref="SnapshotNotFoundException">The other repository holds no snapshot of this root.</exception>
    public async Task<CaptureResult?> RepairAsync(string id, SnapshotRepository replica, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(replica);
        CommittedSnapshot damaged = await FindAsync(id, cancellationToken).ConfigureAwait(false);
        foreach (SnapshotInfo candidate in await replica.ListAsync(cancellationToken).ConfigureAwait(false))
        {
            if (candidate.Root == damaged.Descriptor.Root && candidate.Length == damaged.Descriptor.Length)
            {
                SnapshotDisk source = await replica.OpenDiskAsync(candidate.Id, cancellationToken).ConfigureAwait(false);
                await using (source.ConfigureAwait(false))
                {
                    return await RepairAsync(id, source, cancellationToken).ConfigureAwait(false);
                }
            }
        }

        throw new SnapshotNotFoundException($"The repository at {replica.Store.Location} holds no snapshot with the content of {id}.");
    }

    /// <summary>Puts layers on one another, as one snapshot. Without absent ranges left it is a whole disk.</summary>
    /// <param name="topToBottom">Ids of the snapshots, the uppermost first; the last one may be a whole disk.</param>
    /// <param name="options">Image, tags and codec of the result; parent, change map and kind are set by this method.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>The result, which shares the chunks of the layers.</returns>
    /// <exception cref="ArgumentException">There is no layer.</exception>
    public async Task<CaptureResult> ComposeAsync(IReadOnlyList<string> topToBottom, CaptureOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(topToBottom);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfZero(topToBottom.Count);
        List<VirtualDisk> layers = [];
        try
        {
            bool isLayer = true;
            foreach (string id in topToBottom)
            {
                SnapshotDisk disk = await OpenDiskAsync(id, cancellationToken).ConfigureAwait(false);
                layers.Add(disk);
                isLayer &= disk.Snapshot.IsLayer;
            }

            // The bottom is taken over by its tree; only what the layers above it hold is looked at.
            using LayeredDisk composed = new(layers, true);
            bool keepsBottom = layers.Count > 1 && layers[^1].Length == composed.Length;
            CaptureOptions capture = new()
            {
                Image = options.Image,
                Codec = options.Codec,
                Tags = options.Tags,
                CreatedAt = options.CreatedAt,
                Concurrency = options.Concurrency,
                Parent = SnapshotParent.Of(topToBottom[^1]),
                ChangeMap = keepsBottom && ((SnapshotDisk)layers[^1]).Snapshot.IsLayer == isLayer ? LayerMaps.Covered(layers, layers.Count - 1) : null,
                AsLayer = isLayer,
            };
            return await CaptureAsync(composed, capture, null, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            foreach (VirtualDisk layer in layers)
            {
                await layer.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    /// <summary>Moves a layer from the base that it was captured on to another state of that base.</summary>
    /// <param name="layerId">The layer.</param>
    /// <param name="oldBaseId">The base that it was captured on.</param>
    /// <param name="newBaseId">The base that it shall lie on.</param>
    /// <param name="options">Image, tags and codec of the result.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>The rebased layer, or the blocks of 4 KiB that both sides changed, and then no layer.</returns>
    /// <remarks>Blocks are compared, nothing else: what a file system inside makes of the mixture is not promised.</remarks>
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
                    BlockMap moved = (await DiffAsync(oldBaseId, newBaseId, cancellationToken).ConfigureAwait(false)).Intersect(LayerMaps.Covered([layer], 1));
                    using RebasedDisk rebased = new(layer, oldBase, newBase);
                    BlockMap conflicts = await rebased.FindConflictsAsync(moved, cancellationToken).ConfigureAwait(false);
                    if (conflicts.Count > 0)
                    {
                        return new RebaseResult(null, conflicts);
                    }

                    CaptureOptions capture = new()
                    {
                        Image = options.Image,
                        Codec = options.Codec,
                        Tags = options.Tags,
                        CreatedAt = options.CreatedAt,
                        Concurrency = options.Concurrency,
                        Parent = SnapshotParent.Of(layerId),
                        ChangeMap = moved,
                        AsLayer = layer.Snapshot.IsLayer,
                    };
                    return new RebaseResult(await CaptureAsync(rebased, capture, null, cancellationToken).ConfigureAwait(false), conflicts);
                }
            }
        }
    }
}
