using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Compression;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Snapshots.Changes;

namespace CloudImage.Sdk.Snapshots;

public sealed partial class SnapshotRepository
{
    /// <summary>Writes what differs between two snapshots into an overlay, whose parent holds the older one.</summary>
    /// <param name="olderId">The snapshot that the overlay's parent holds.</param>
    /// <param name="newerId">The snapshot that the overlay shall read as.</param>
    /// <param name="overlay">The writer of the overlay, made with its parent's reference; the caller completes it.</param>
    /// <param name="options">How to copy; the parent is set by this method.</param>
    /// <param name="progress">Told how far it is; null for nobody.</param>
    /// <param name="cancellationToken">Ends the work; the overlay is then of no use.</param>
    /// <returns>A task that ends when everything is written, though not completed.</returns>
    /// <exception cref="SnapshotNotFoundException">One of the snapshots is not there.</exception>
    /// <remarks>Only chunks that differ are read, of both snapshots; of them the overlay takes the blocks that differ. What is zero now is written as zeros.</remarks>
    public async Task CopyDifferenceAsync(
        string olderId, string newerId, DiskWriter overlay, DiskCopyOptions options, IProgress<DiskProgress>? progress, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(overlay);
        ArgumentNullException.ThrowIfNull(options);
        BlockMap changes = await DiffAsync(olderId, newerId, cancellationToken).ConfigureAwait(false);
        SnapshotDisk older = await OpenDiskAsync(olderId, cancellationToken).ConfigureAwait(false);
        await using (older.ConfigureAwait(false))
        {
            SnapshotDisk newer = await OpenDiskAsync(newerId, cancellationToken).ConfigureAwait(false);
            await using (newer.ConfigureAwait(false))
            {
                RequireWhole(older.Snapshot);
                RequireWhole(newer.Snapshot);
                using MaskedDisk from = new(older, changes);
                using MaskedDisk to = new(newer, changes);
                DiskCopyOptions copy = new() { Parent = from, WorkerCount = options.WorkerCount, DetectZeroes = options.DetectZeroes, TimeProvider = options.TimeProvider };
                await DiskCopier.CopyAsync(to, overlay, copy, progress, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Writes what differs between two snapshots as a stream that can be applied elsewhere: to a copy of the older state, or to a repository that has it.</summary>
    /// <param name="olderId">The snapshot that the stream leads from.</param>
    /// <param name="newerId">The snapshot that it leads to.</param>
    /// <param name="destination">Receives the stream, in order; it stays open.</param>
    /// <param name="codec">How chunks are compressed.</param>
    /// <param name="progress">Told how far it is; null for nobody.</param>
    /// <param name="cancellationToken">Ends the work; what was written is then cut off, and refused by <see cref="ChangeStreamDisk.Open"/>.</param>
    /// <returns>How many bytes were written.</returns>
    /// <exception cref="SnapshotNotFoundException">One of the snapshots is not there.</exception>
    /// <exception cref="ArgumentException">One of them is a layer.</exception>
    public async Task<long> WriteChangesAsync(
        string olderId, string newerId, Stream destination, ChunkCodec codec, IProgress<SnapshotProgress>? progress, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(destination);
        ArgumentNullException.ThrowIfNull(codec);
        SnapshotInfo older = await GetAsync(olderId, cancellationToken).ConfigureAwait(false);
        BlockMap changes = await DiffAsync(olderId, newerId, cancellationToken).ConfigureAwait(false);
        SnapshotDisk newer = await OpenDiskAsync(newerId, new SnapshotDiskOptions { ReadAheadChunks = 0 }, cancellationToken).ConfigureAwait(false);
        await using (newer.ConfigureAwait(false))
        {
            RequireWhole(older);
            RequireWhole(newer.Snapshot);
            ChangeStreamHeader header = new()
            {
                Suite = Digest,
                ChunkSize = ChunkSize,
                OlderLength = older.Length,
                NewerLength = newer.Length,
                OlderRoot = older.Root,
                NewerRoot = newer.Snapshot.Root,
            };
            using ChangeStreamWriter writer = new(destination, header, codec);
            SnapshotProgressMeter meter = new(progress);
            await writer.WriteAsync(newer, changes, done => meter.Report(newer.Length, done, done, writer.WrittenBytes, false), cancellationToken).ConfigureAwait(false);
            return writer.WrittenBytes;
        }
    }

    /// <summary>Makes a snapshot of a change stream, on a snapshot here that holds the state that it leads from.</summary>
    /// <param name="changes">The stream; the caller disposes it.</param>
    /// <param name="options">Image, tags and codec of the result, and its parent; with <see cref="SnapshotParent.Latest"/> any snapshot of the right root serves. Change map and kind are set by this method.</param>
    /// <param name="progress">Told how far it is; null for nobody.</param>
    /// <param name="cancellationToken">Ends the work; no snapshot exists then.</param>
    /// <returns>The snapshot, which has the root that the stream leads to.</returns>
    /// <exception cref="SnapshotNotFoundException">No snapshot has the root that the stream leads from.</exception>
    /// <exception cref="SnapshotRepositoryException">The parent that was named holds something else, or the result would: no snapshot was made.</exception>
    public async Task<CaptureResult> ApplyChangesAsync(ChangeStreamDisk changes, CaptureOptions options, IProgress<SnapshotProgress>? progress, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(changes);
        ArgumentNullException.ThrowIfNull(options);
        if (changes.ChunkSize != ChunkSize || changes.Digest != Digest)
        {
            throw new SnapshotRepositoryException($"The changes are in chunks of {changes.ChunkSize} bytes and {changes.Digest}, the repository has {ChunkSize} and {Digest}.");
        }

        SnapshotInfo parent = await FindBaseAsync(changes, options, cancellationToken).ConfigureAwait(false);
        SnapshotDisk older = await OpenDiskAsync(parent.Id, new SnapshotDiskOptions { ReadAheadChunks = 0 }, cancellationToken).ConfigureAwait(false);
        await using (older.ConfigureAwait(false))
        {
            using LayeredDisk newer = new([changes, older], true);
            CaptureOptions capture = new()
            {
                Image = options.Image,
                Codec = options.Codec,
                Deduplication = options.Deduplication,
                Tags = options.Tags,
                Signer = options.Signer,
                CreatedAt = options.CreatedAt,
                Concurrency = options.Concurrency,
                Parent = SnapshotParent.Of(parent.Id),
                ChangeMap = changes.GetChanges(),
                RequiredRoot = changes.NewerRoot,
            };
            return await CaptureAsync(newer, capture, progress, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask<SnapshotInfo> FindBaseAsync(ChangeStreamDisk changes, CaptureOptions options, CancellationToken cancellationToken)
    {
        if (options.Parent.Id is { } id)
        {
            SnapshotInfo named = await GetAsync(id, cancellationToken).ConfigureAwait(false);
            return named.Root == changes.OlderRoot && named.Length == changes.OlderLength
                ? named
                : throw new SnapshotRepositoryException($"Snapshot {id} has the root {named.Root}, and the changes lead from {changes.OlderRoot}.");
        }

        SnapshotInfo? found = null;
        foreach (SnapshotInfo candidate in await ListAsync(cancellationToken).ConfigureAwait(false))
        {
            if (candidate.Root == changes.OlderRoot && candidate.Length == changes.OlderLength && !candidate.IsLayer && (found is null || candidate.Image == options.Image))
            {
                found = candidate;
            }
        }

        return found ?? throw new SnapshotNotFoundException($"No snapshot in the repository at {Store.Location} has the root {changes.OlderRoot} that the changes lead from.");
    }

    private static void RequireWhole(SnapshotInfo snapshot)
    {
        if (snapshot.IsLayer)
        {
            throw new ArgumentException($"Snapshot {snapshot.Id} is a layer; compose it with what lies under it first.");
        }
    }
}
