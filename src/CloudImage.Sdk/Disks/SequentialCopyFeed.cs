using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Disks;

/// <summary>Feeds a copy with content that comes once, in order.</summary>
internal sealed class SequentialCopyFeed : CopyFeed
{
    private readonly SequentialDiskSource _source;
    private readonly long _length;
    private readonly int _windowSize;
    private byte[] _rest = [];
    private DiskExtent _pending;
    private int _restStart;
    private long _index;

    public SequentialCopyFeed(SequentialDiskSource source, long length, CopyShape shape)
    {
        _source = source;
        _length = length;
        _windowSize = shape.WindowSize;
    }

    public override async ValueTask<bool> TryNextAsync(CopyChunk chunk, IoMode mode, CancellationToken cancellationToken)
    {
        if (!await AdvanceAsync(mode, cancellationToken).ConfigureAwait(false))
        {
            return false;
        }

        long window = _pending.Offset / _windowSize * _windowSize;
        long end = Math.Min(_length, window + _windowSize);
        chunk.Begin(window, (int)(end - window));
        chunk.Index = _index++;
        chunk.EnsureBuffer(_windowSize);
        chunk.Buffer.Span.Clear();
        do
        {
            int count = (int)Math.Min(_pending.Length, end - _pending.Offset);
            _rest.AsSpan(_restStart, count).CopyTo(chunk.Buffer.Span[(int)(_pending.Offset - window)..]);
            chunk.Add(_pending.Offset, _pending.Offset + count);
            _restStart += count;
            _pending = new DiskExtent(_pending.Offset + count, _pending.Length - count, DiskExtentKind.Data);
        }
        while (await AdvanceAsync(mode, cancellationToken).ConfigureAwait(false) && _pending.Offset < end);

        return true;
    }

    public override ValueTask ReadAsync(CopyChunk chunk, CopyShape shape, IoMode mode, CancellationToken cancellationToken)
    {
        foreach (Range range in chunk.Ranges)
        {
            shape.AddNonZero(chunk, range.Start.Value, range.End.Value);
        }

        return ValueTask.CompletedTask;
    }

    // Makes _pending data that was read and not yet handed on.
    private async ValueTask<bool> AdvanceAsync(IoMode mode, CancellationToken cancellationToken)
    {
        if (_rest.Length == 0)
        {
            _rest = new byte[_windowSize];
        }

        while (_pending.Length == 0)
        {
            DiskExtent part = await _source.ReadNextAsync(_rest, mode, cancellationToken).ConfigureAwait(false);
            if (part.Length == 0)
            {
                return false;
            }

            if (part.End > _length)
            {
                throw new CloudImageException($"The source goes on to byte {part.End}, and the destination has room for {_length} bytes.");
            }

            if (part.Kind == DiskExtentKind.Data)
            {
                _pending = part;
                _restStart = 0;
            }
        }

        return true;
    }
}
