using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;
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
    /// new snapshot of the same root, with the tag <c>cloudimage.mends</c>, and the damaged one is given up; for <see cref="SnapshotParent.Latest"/> it stands where that stood. Others that share the damage are mended the same way,
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
            Tags = MendingTags(damaged),
            CreatedAt = damaged.Descriptor.CreatedAt,
            ExcludedPacks = packs,
            RequiredRoot = damaged.Descriptor.Root,
        };
        CaptureResult result = await CaptureAsync(source, options, null, cancellationToken).ConfigureAwait(false);
        await DeleteAsync(id, cancellationToken).ConfigureAwait(false);
        return result;
    }

    // A snapshot that was mended before keeps the place of the first.
    private static IReadOnlyList<KeyValuePair<string, string>> MendingTags(CommittedSnapshot damaged) => SnapshotDescriptor.Place(damaged.Descriptor.Tags, damaged.PlaceInSequence);

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
}
