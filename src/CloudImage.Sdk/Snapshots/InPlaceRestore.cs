using System;
using System.Buffers;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Snapshots;

/// <summary>Writes into an existing target what differs from a disk. Order: the mark durable, the writes, the flush, the mark gone. One use each.</summary>
internal sealed class InPlaceRestore
{
    private const int WindowLength = 4 << 20;
    private const int BlockLength = 4096;
    private readonly VirtualDisk _source;
    private readonly ImageEditor _target;
    private readonly Action _createMark;
    private readonly Action _removeMark;

    /// <param name="source">What the target is to hold.</param>
    /// <param name="target">The target, as long as the source or longer where it cannot be cut.</param>
    /// <param name="createMark">Makes the mark that says that the target is a mixture, durably.</param>
    /// <param name="removeMark">Removes it.</param>
    public InPlaceRestore(VirtualDisk source, ImageEditor target, Action createMark, Action removeMark)
    {
        _source = source;
        _target = target;
        _createMark = createMark;
        _removeMark = removeMark;
    }

    /// <summary>Restores.</summary>
    /// <param name="setsLength">Whether the target gets the length of the source.</param>
    /// <param name="progress">Told how far it is; null for nobody.</param>
    /// <param name="cancellationToken">Ends the work; the mark then stays.</param>
    /// <returns>How many bytes were written.</returns>
    public ValueTask<long> RunAsync(bool setsLength, IProgress<SnapshotProgress>? progress, CancellationToken cancellationToken) =>
        MarkedEdit.RunAsync(_target, setsLength ? _source.Length : null, _createMark, () => CopyDifferencesAsync(progress, cancellationToken), _removeMark);

    private async ValueTask<long> CopyDifferencesAsync(IProgress<SnapshotProgress>? progress, CancellationToken cancellationToken)
    {
        long startedAt = Stopwatch.GetTimestamp();
        byte[] wanted = ArrayPool<byte>.Shared.Rent(WindowLength);
        byte[] present = ArrayPool<byte>.Shared.Rent(WindowLength);
        long written = 0;
        try
        {
            for (long offset = 0; offset < _source.Length; offset += WindowLength)
            {
                int length = (int)Math.Min(WindowLength, _source.Length - offset);
                await _source.ReadAsync(wanted.AsMemory(0, length), offset, cancellationToken).ConfigureAwait(false);
                int count = _target.Read(present.AsSpan(0, length), offset);
                present.AsSpan(count, length - count).Clear();
                written += WriteDifferences(wanted.AsSpan(0, length), present, offset);
                progress?.Report(new SnapshotProgress
                {
                    TotalBytes = _source.Length,
                    ProcessedBytes = offset + length,
                    ReadBytes = offset + length,
                    StoredBytes = written,
                    Elapsed = Stopwatch.GetElapsedTime(startedAt),
                });
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(wanted);
            ArrayPool<byte>.Shared.Return(present);
        }

        return written;
    }

    private long WriteDifferences(ReadOnlySpan<byte> wanted, ReadOnlySpan<byte> present, long offset)
    {
        long written = 0;
        for (int from = 0; from < wanted.Length;)
        {
            int to = from;
            while (to < wanted.Length && !IsSame(wanted, present, to))
            {
                to = Math.Min(wanted.Length, to + BlockLength);
            }

            if (to > from)
            {
                _target.Write(wanted[from..to], offset + from);
                written += to - from;
                from = to;
            }
            else
            {
                from += BlockLength;
            }
        }

        return written;
    }

    private static bool IsSame(ReadOnlySpan<byte> wanted, ReadOnlySpan<byte> present, int at)
    {
        int length = Math.Min(BlockLength, wanted.Length - at);
        return wanted.Slice(at, length).SequenceEqual(present.Slice(at, length));
    }
}
