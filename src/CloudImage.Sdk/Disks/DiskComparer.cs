using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Disks;

/// <summary>Compares what guests see on two disks, whatever their formats: several chunks at once, only where either map says data.</summary>
/// <remarks>Ranges that are zero, unmapped or data of zeros are all equal. The memory used does not depend on the size of the disks.</remarks>
public static class DiskComparer
{
    private const int RemoteWorkerCount = 16;

    /// <summary>Compares two disks, on the calling thread and further ones.</summary>
    /// <param name="left">One disk.</param>
    /// <param name="right">The other.</param>
    /// <param name="options">How to compare.</param>
    /// <param name="progress">Takes reports, from any of the threads, one at a time; null for none.</param>
    /// <param name="cancellationToken">Ends the comparison.</param>
    /// <returns>Whether they are equal, and where not.</returns>
    /// <exception cref="DiskReferenceException">A part of a disk belongs to a parent that was not opened.</exception>
    public static DiskComparison Compare(VirtualDisk left, VirtualDisk right, DiskCompareOptions options, IProgress<DiskProgress>? progress, CancellationToken cancellationToken = default)
    {
        ThrowIfInvalid(left, right, options);
        ProgressMeter meter = new(progress, Math.Max(left.Length, right.Length), options.TimeProvider);
        using ComparePipeline pipeline = new(left, right, meter);
        ParallelWork.Run(WorkerCount(left, right, options), pipeline.RunAsync, cancellationToken);
        meter.Finish();
        return Result(pipeline, left, right, options);
    }

    /// <summary>Compares two disks: on threads of its own where both are on this machine, otherwise asynchronously.</summary>
    /// <param name="left">One disk.</param>
    /// <param name="right">The other.</param>
    /// <param name="options">How to compare.</param>
    /// <param name="progress">Takes reports, from any thread, one at a time; null for none.</param>
    /// <param name="cancellationToken">Ends the comparison.</param>
    /// <returns>Whether they are equal, and where not.</returns>
    /// <exception cref="DiskReferenceException">A part of a disk belongs to a parent that was not opened.</exception>
    public static async Task<DiskComparison> CompareAsync(VirtualDisk left, VirtualDisk right, DiskCompareOptions options, IProgress<DiskProgress>? progress, CancellationToken cancellationToken = default)
    {
        ThrowIfInvalid(left, right, options);
        ProgressMeter meter = new(progress, Math.Max(left.Length, right.Length), options.TimeProvider);
        using ComparePipeline pipeline = new(left, right, meter);
        await ParallelWork.RunAsync(WorkerCount(left, right, options), left.IsLocal && right.IsLocal, pipeline.RunAsync, cancellationToken).ConfigureAwait(false);
        meter.Finish();
        return Result(pipeline, left, right, options);
    }

    private static void ThrowIfInvalid(VirtualDisk left, VirtualDisk right, DiskCompareOptions options)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegative(options.WorkerCount, nameof(options));
    }

    private static int WorkerCount(VirtualDisk left, VirtualDisk right, DiskCompareOptions options) =>
        options.WorkerCount > 0 ? options.WorkerCount : left.IsLocal && right.IsLocal ? Environment.ProcessorCount : RemoteWorkerCount;

    private static DiskComparison Result(ComparePipeline pipeline, VirtualDisk left, VirtualDisk right, DiskCompareOptions options)
    {
        bool haveEqualLengths = left.Length == right.Length;
        long? difference = pipeline.FirstDifference;
        if (options.IsStrict && !haveEqualLengths)
        {
            difference = Math.Min(difference ?? long.MaxValue, Math.Min(left.Length, right.Length));
        }

        return new DiskComparison(difference, haveEqualLengths);
    }
}
