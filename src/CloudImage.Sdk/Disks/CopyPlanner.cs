using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Disks;

/// <summary>Cuts the data of a disk into aligned windows, one after the other, while its map is read: nothing of the map is kept.</summary>
/// <remarks>Not thread-safe; its users take turns.</remarks>
internal sealed class CopyPlanner
{
    private readonly Func<long, IoMode, CancellationToken, ValueTask<DiskExtent>> _next;
    private readonly long _length;
    private readonly int _windowSize;
    private DiskExtent _extent;
    private long _position;
    private long _index;

    /// <param name="next">Answers the first extent at or behind a position that is to be copied, cut at that position; an empty one at the end of the disk.</param>
    /// <param name="length">Length of the disk.</param>
    /// <param name="windowSize">Size of the windows, which lie at multiples of it.</param>
    public CopyPlanner(Func<long, IoMode, CancellationToken, ValueTask<DiskExtent>> next, long length, int windowSize)
    {
        _next = next;
        _length = length;
        _windowSize = windowSize;
    }

    /// <summary>Fills the next window into a chunk.</summary>
    /// <returns>Whether there was one.</returns>
    public async ValueTask<bool> TryNextAsync(CopyChunk chunk, IoMode mode, CancellationToken cancellationToken)
    {
        if (!await AdvanceAsync(mode, cancellationToken).ConfigureAwait(false))
        {
            return false;
        }

        long window = _extent.Offset / _windowSize * _windowSize;
        long end = Math.Min(_length, window + _windowSize);
        chunk.Begin(window, (int)(end - window));
        chunk.Index = _index++;
        do
        {
            long stop = Math.Min(end, _extent.End);
            chunk.Add(_extent.Offset, stop);
            _position = stop;
        }
        while (_position < end && await AdvanceAsync(mode, cancellationToken).ConfigureAwait(false) && _extent.Offset < end);

        return true;
    }

    // Makes _extent the data at or behind _position.
    private async ValueTask<bool> AdvanceAsync(IoMode mode, CancellationToken cancellationToken)
    {
        if (_extent.Length > 0 && _position < _extent.End)
        {
            long from = Math.Max(_position, _extent.Offset);
            _extent = new DiskExtent(from, _extent.End - from, _extent.Kind);
            return true;
        }

        if (_position >= _length)
        {
            return false;
        }

        _extent = await _next(_position, mode, cancellationToken).ConfigureAwait(false);
        if (_extent.Length == 0)
        {
            _position = _length;
            return false;
        }

        return true;
    }
}
