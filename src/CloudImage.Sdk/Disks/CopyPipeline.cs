using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Disks;

/// <summary>The work of one copy: every worker takes a chunk, reads it, looks at it, encodes it, and writes it or puts it in line.</summary>
/// <remarks>
/// Where the destination wants its writes in order (or encodes, so that the order decides the layout), the worker whose
/// chunk is the next one writes, and goes on with those that wait behind it; the others work on meanwhile. The number of
/// chunks under way is bounded, which bounds the memory and holds back the readers.
/// </remarks>
internal sealed class CopyPipeline : IDisposable
{
    private readonly CopyFeed _feed;
    private readonly DiskWriter _destination;
    private readonly CopyShape _shape;
    private readonly ProgressMeter _meter;
    private readonly bool _isOrdered;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly SemaphoreSlim _slots;
    private readonly Lock _lock = new();
    private readonly Stack<CopyChunk> _free = new();
    private readonly CopyChunk?[] _line;
    private long _nextToWrite;
    private bool _isWriting;

    public CopyPipeline(CopyFeed feed, DiskWriter destination, CopyShape shape, int workerCount, ProgressMeter meter)
    {
        _feed = feed;
        _destination = destination;
        _shape = shape;
        _meter = meter;
        _isOrdered = destination.RequiresSequentialWrites || destination.EncodesBlocks;
        int slotCount = _isOrdered ? (3 * workerCount) + 1 : workerCount;
        _slots = new SemaphoreSlim(slotCount, slotCount);
        _line = new CopyChunk?[slotCount];
    }

    /// <summary>The body of a worker.</summary>
    public async ValueTask RunAsync(IoMode mode, CancellationToken cancellationToken)
    {
        while (await TakeAsync(mode, cancellationToken).ConfigureAwait(false) is { } chunk)
        {
            await PrepareAsync(chunk, mode, cancellationToken).ConfigureAwait(false);
            if (_isOrdered)
            {
                await WriteInOrderAsync(chunk, mode, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                await WriteAsync(chunk, mode, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    public void Dispose()
    {
        foreach (CopyChunk? chunk in _line)
        {
            chunk?.Pieces.ForEach(static piece => piece.Encoded?.Dispose());
        }

        _turn.Dispose();
        _slots.Dispose();
    }

    private async ValueTask<CopyChunk?> TakeAsync(IoMode mode, CancellationToken cancellationToken)
    {
        await WaitAsync(_slots, mode, cancellationToken).ConfigureAwait(false);
        await WaitAsync(_turn, mode, cancellationToken).ConfigureAwait(false);
        try
        {
            CopyChunk chunk = Rent();
            if (await _feed.TryNextAsync(chunk, mode, cancellationToken).ConfigureAwait(false))
            {
                return chunk;
            }
        }
        finally
        {
            _turn.Release();
        }

        _slots.Release();
        return null;
    }

    private async ValueTask PrepareAsync(CopyChunk chunk, IoMode mode, CancellationToken cancellationToken)
    {
        chunk.EnsureBuffer(_shape.WindowSize);
        chunk.AlignRanges(_shape.BlockSize);
        await _feed.ReadAsync(chunk, _shape, mode, cancellationToken).ConfigureAwait(false);
        if (_destination.EncodesBlocks)
        {
            Encode(chunk);
        }
    }

    private void Encode(CopyChunk chunk)
    {
        CopyPiece[] plain = [.. chunk.Pieces];
        chunk.Pieces.Clear();
        try
        {
            foreach (CopyPiece piece in plain)
            {
                if (piece.IsZero)
                {
                    chunk.Pieces.Add(piece);
                    continue;
                }

                for (int start = piece.Range.Start.Value; start < piece.Range.End.Value; start += _shape.BlockSize)
                {
                    int end = Math.Min(start + _shape.BlockSize, piece.Range.End.Value);
                    chunk.Pieces.Add(CopyPiece.Block(_destination.EncodeBlock(chunk.Buffer.Span[start..end], chunk.Offset + start)));
                }
            }
        }
        catch
        {
            chunk.Pieces.ForEach(static piece => piece.Encoded?.Dispose());
            throw;
        }
    }

    private async ValueTask WriteInOrderAsync(CopyChunk chunk, IoMode mode, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            _line[chunk.Index % _line.Length] = chunk;
        }

        while (TryStartWriting(out CopyChunk? next))
        {
            await WriteAsync(next, mode, cancellationToken).ConfigureAwait(false);
            lock (_lock)
            {
                _isWriting = false;
            }
        }
    }

    // A failed write leaves _isWriting set: nothing is written behind a gap.
    private bool TryStartWriting([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out CopyChunk? chunk)
    {
        lock (_lock)
        {
            int index = (int)(_nextToWrite % _line.Length);
            chunk = _line[index];
            if (_isWriting || chunk is null)
            {
                return false;
            }

            _isWriting = true;
            _line[index] = null;
            _nextToWrite++;
            return true;
        }
    }

    private async ValueTask WriteAsync(CopyChunk chunk, IoMode mode, CancellationToken cancellationToken)
    {
        int written = 0;
        try
        {
            foreach (CopyPiece piece in chunk.Pieces)
            {
                cancellationToken.ThrowIfCancellationRequested();
                written++;
                await WriteAsync(chunk, piece, mode, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            for (int index = written; index < chunk.Pieces.Count; index++)
            {
                chunk.Pieces[index].Encoded?.Dispose();
            }
        }

        _meter.Add(chunk.DataLength);
        lock (_lock)
        {
            _free.Push(chunk);
        }

        _slots.Release();
    }

    private ValueTask WriteAsync(CopyChunk chunk, CopyPiece piece, IoMode mode, CancellationToken cancellationToken)
    {
        if (piece.Encoded is { } block)
        {
            return _destination.WriteEncodedAsync(block, mode, cancellationToken);
        }

        return piece.IsZero
            ? _destination.WriteZeroesAsync(piece.Offset, piece.Length, mode, cancellationToken)
            : _destination.WriteAsync(chunk.Buffer[piece.Range], piece.Offset, mode, cancellationToken);
    }

    private CopyChunk Rent()
    {
        lock (_lock)
        {
            return _free.Count > 0 ? _free.Pop() : new CopyChunk();
        }
    }

    private static async ValueTask WaitAsync(SemaphoreSlim semaphore, IoMode mode, CancellationToken cancellationToken)
    {
        if (mode == IoMode.Synchronous)
        {
            semaphore.Wait(cancellationToken);
            return;
        }

        await semaphore.WaitAsync(cancellationToken).ConfigureAwait(false);
    }
}
