using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Disks;

/// <summary>Copies disk content into a writer: several chunks at once, only what the source's map says is data, and of that only what is not zero.</summary>
/// <remarks>
/// <para>The memory used is bounded by the number of workers and does not depend on the size of the disk, except where the
/// writer asks for a plan (<see cref="DiskWriter.RequiresPlan"/>), which holds the source's map.</para>
/// <para>The writer is not completed: the caller does that once it has all it wants. A chain is flattened by copying a
/// disk that was opened with its parents; an overlay is made by naming its parent in <see cref="DiskCopyOptions.Parent"/>.</para>
/// </remarks>
public static class DiskCopier
{
    private const int RemoteWorkerCount = 16;

    /// <summary>Copies a disk, on the calling thread and further ones.</summary>
    /// <param name="source">What is read.</param>
    /// <param name="destination">What is written; at least as long as the source, new and not yet written.</param>
    /// <param name="options">How to copy.</param>
    /// <param name="progress">Takes reports, from any of the threads, one at a time; null for none.</param>
    /// <param name="cancellationToken">Ends the copy between two pieces; the destination is then of no use.</param>
    /// <exception cref="ArgumentException">The destination is shorter than the source.</exception>
    /// <exception cref="DiskReferenceException">A part of the source belongs to a parent that was not opened.</exception>
    public static void Copy(VirtualDisk source, DiskWriter destination, DiskCopyOptions options, IProgress<DiskProgress>? progress, CancellationToken cancellationToken = default)
    {
        ThrowIfInvalid(source, destination, options);
        ProgressMeter meter = SyncBridge.Completed(PrepareAsync(source, destination, options, progress, IoMode.Synchronous, cancellationToken));
        using CopyPipeline pipeline = Pipeline(source, destination, options, meter, out int workerCount);
        ParallelWork.Run(workerCount, pipeline.RunAsync, cancellationToken);
        meter.Finish();
    }

    /// <summary>Copies a disk: on threads of its own where both ends are on this machine, otherwise asynchronously.</summary>
    /// <param name="source">What is read.</param>
    /// <param name="destination">What is written; at least as long as the source, new and not yet written.</param>
    /// <param name="options">How to copy.</param>
    /// <param name="progress">Takes reports, from any thread, one at a time; null for none.</param>
    /// <param name="cancellationToken">Ends the copy between two pieces; the destination is then of no use.</param>
    /// <returns>A task that ends when everything is written, though not completed.</returns>
    /// <exception cref="ArgumentException">The destination is shorter than the source.</exception>
    /// <exception cref="DiskReferenceException">A part of the source belongs to a parent that was not opened.</exception>
    public static async Task CopyAsync(VirtualDisk source, DiskWriter destination, DiskCopyOptions options, IProgress<DiskProgress>? progress, CancellationToken cancellationToken = default)
    {
        ThrowIfInvalid(source, destination, options);
        ProgressMeter meter = await PrepareAsync(source, destination, options, progress, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
        using CopyPipeline pipeline = Pipeline(source, destination, options, meter, out int workerCount);
        await ParallelWork.RunAsync(workerCount, IsLocal(source, destination, options), pipeline.RunAsync, cancellationToken).ConfigureAwait(false);
        meter.Finish();
    }

    /// <summary>Copies content that comes once, in order. Encoding and writing still use every worker.</summary>
    /// <param name="source">What is read.</param>
    /// <param name="destination">What is written; at least as long as the source, new and not yet written.</param>
    /// <param name="options">How to copy; a parent is not possible here.</param>
    /// <param name="progress">Takes reports, from any thread, one at a time; null for none. The total is the disk's length.</param>
    /// <param name="cancellationToken">Ends the copy between two pieces; the destination is then of no use.</param>
    /// <returns>A task that ends when everything is written, though not completed.</returns>
    /// <exception cref="ArgumentException">The destination is shorter than the source, or a parent is given.</exception>
    public static async Task CopyAsync(SequentialDiskSource source, DiskWriter destination, DiskCopyOptions options, IProgress<DiskProgress>? progress, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(destination);
        ArgumentNullException.ThrowIfNull(options);
        if (options.Parent is not null || source.Length > destination.Length)
        {
            throw new ArgumentException("A sequential source is copied whole, without a parent, to a destination that is at least as long.", nameof(options));
        }

        if (destination.RequiresPlan)
        {
            // What cannot be known before it is read may be data anywhere; what turns out to be zeros is left out then.
            BlockMap map = source.Map ?? new BlockMap([new DiskExtent(0, source.Length ?? destination.Length, DiskExtentKind.Data)]);
            destination.Plan(Covering(map, destination.Length));
        }

        CopyShape shape = new(destination, options);
        ProgressMeter meter = new(progress, source.Length ?? destination.Length, options.TimeProvider);
        int workerCount = options.WorkerCount > 0 ? options.WorkerCount : Environment.ProcessorCount;
        using CopyPipeline pipeline = new(new SequentialCopyFeed(source, destination.Length, shape), destination, shape, workerCount, meter);
        await ParallelWork.RunAsync(workerCount, destination.IsLocal, pipeline.RunAsync, cancellationToken).ConfigureAwait(false);
        meter.Finish();
    }

    private static CopyPipeline Pipeline(VirtualDisk source, DiskWriter destination, DiskCopyOptions options, ProgressMeter meter, out int workerCount)
    {
        CopyShape shape = new(destination, options);
        CopyFeed feed = options.Parent is { } parent
            ? new DifferenceCopyFeed(source, parent, destination.Length, shape)
            : new DiskCopyFeed(source, destination.Length, shape);
        workerCount = options.WorkerCount > 0 ? options.WorkerCount
            : IsLocal(source, destination, options) ? Environment.ProcessorCount : RemoteWorkerCount;
        return new CopyPipeline(feed, destination, shape, workerCount, meter);
    }

    private static bool IsLocal(VirtualDisk source, DiskWriter destination, DiskCopyOptions options) =>
        source.IsLocal && destination.IsLocal && options.Parent is null or { IsLocal: true };

    private static void ThrowIfInvalid(VirtualDisk source, DiskWriter destination, DiskCopyOptions options)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(destination);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegative(options.WorkerCount, nameof(options));
        if (source.Length > destination.Length)
        {
            throw new ArgumentException($"The destination has {destination.Length} bytes, and the source {source.Length}.", nameof(destination));
        }
    }

    private static async ValueTask<ProgressMeter> PrepareAsync(VirtualDisk source, DiskWriter destination, DiskCopyOptions options, IProgress<DiskProgress>? progress, IoMode mode, CancellationToken cancellationToken)
    {
        long total = 0;
        List<DiskExtent>? extents = destination.RequiresPlan ? [] : null;
        if (extents is not null || progress is not null)
        {
            for (long position = 0; position < source.Length;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                DiskPlacement placement = await source.LocateAsync(position, source.Length - position, mode, cancellationToken).ConfigureAwait(false);
                total += placement.Kind == DiskExtentKind.Data ? placement.Length : 0;
                Append(extents, new DiskExtent(position, placement.Length, placement.Kind));
                position = placement.End;
            }
        }

        if (extents is not null)
        {
            destination.Plan(Covering(new BlockMap(extents), destination.Length));
        }

        return new ProgressMeter(progress, total, options.TimeProvider);
    }

    private static void Append(List<DiskExtent>? extents, DiskExtent extent)
    {
        if (extents is null)
        {
            return;
        }

        if (extents.Count > 0 && extents[^1].Kind == extent.Kind)
        {
            extents[^1] = new DiskExtent(extents[^1].Offset, extents[^1].Length + extent.Length, extent.Kind);
            return;
        }

        extents.Add(extent);
    }

    private static BlockMap Covering(BlockMap map, long length)
    {
        long end = map.Count == 0 ? 0 : map[^1].End;
        return end >= length ? map : new BlockMap([.. map, new DiskExtent(end, length - end, DiskExtentKind.Zero)]);
    }
}
