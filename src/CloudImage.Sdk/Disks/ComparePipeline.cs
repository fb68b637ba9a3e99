using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Disks;

/// <summary>The work of one comparison: every worker takes a window, reads it from both disks, and looks for the first difference.</summary>
internal sealed class ComparePipeline : IDisposable
{
    private const int WindowSize = 1 << 20;
    private readonly VirtualDisk _left;
    private readonly VirtualDisk _right;
    private readonly ProgressMeter _meter;
    private readonly CopyPlanner _planner;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly Lock _lock = new();
    private long _firstDifference = long.MaxValue;

    public ComparePipeline(VirtualDisk left, VirtualDisk right, ProgressMeter meter)
    {
        _left = left;
        _right = right;
        _meter = meter;
        long length = Math.Max(left.Length, right.Length);
        _planner = new CopyPlanner(new DiskPair(left, right, length).NextAsync, length, WindowSize);
    }

    /// <summary>The first difference that was found.</summary>
    public long? FirstDifference => _firstDifference == long.MaxValue ? null : _firstDifference;

    /// <summary>The body of a worker.</summary>
    public async ValueTask RunAsync(IoMode mode, CancellationToken cancellationToken)
    {
        CopyChunk chunk = new();
        byte[] other = GC.AllocateUninitializedArray<byte>(WindowSize);
        while (await TryTakeAsync(chunk, mode, cancellationToken).ConfigureAwait(false))
        {
            chunk.EnsureBuffer(WindowSize);
            foreach (Range range in chunk.Ranges)
            {
                (int start, int length) = range.GetOffsetAndLength(chunk.Length);
                long offset = chunk.Offset + start;
                await DiskPair.FillAsync(_left, chunk.Buffer[range], offset, mode, cancellationToken).ConfigureAwait(false);
                await DiskPair.FillAsync(_right, other.AsMemory(0, length), offset, mode, cancellationToken).ConfigureAwait(false);
                int index = ZeroDetector.IndexOfDifference(chunk.Buffer.Span[range], other.AsSpan(0, length));
                if (index >= 0)
                {
                    Found(offset + index);
                    break;
                }
            }

            _meter.Add(chunk.DataLength);
        }
    }

    public void Dispose() => _turn.Dispose();

    // Windows are handed out in order: behind a difference none is of interest any more.
    private async ValueTask<bool> TryTakeAsync(CopyChunk chunk, IoMode mode, CancellationToken cancellationToken)
    {
        if (mode == IoMode.Synchronous)
        {
            _turn.Wait(cancellationToken);
        }
        else
        {
            await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        try
        {
            return Volatile.Read(ref _firstDifference) == long.MaxValue
                && await _planner.TryNextAsync(chunk, mode, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }

    private void Found(long offset)
    {
        lock (_lock)
        {
            _firstDifference = Math.Min(_firstDifference, offset);
        }
    }
}
