using System;
using System.Buffers;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>Joins small pieces that follow one another in a container to large writes. One user at a time.</summary>
internal sealed class SinkBatch : IDisposable
{
    private const int Capacity = 1 << 20;

    private readonly ImageSink _sink;
    private readonly IoMode _mode;
    private readonly CancellationToken _cancellationToken;
    private readonly byte[] _buffer;
    private long _fileOffset;
    private int _count;

    public SinkBatch(ImageSink sink, int pieceLength, IoMode mode, CancellationToken cancellationToken)
    {
        _sink = sink;
        _mode = mode;
        _cancellationToken = cancellationToken;
        _buffer = ArrayPool<byte>.Shared.Rent(Math.Max(Capacity, pieceLength));
    }

    /// <summary>Lends the place for the next piece, cleared; it is written with what comes before and behind it.</summary>
    public async ValueTask<Memory<byte>> NextAsync(long fileOffset, int length)
    {
        if (_count > 0 && (fileOffset != _fileOffset + _count || length > _buffer.Length - _count))
        {
            await FlushAsync().ConfigureAwait(false);
        }

        if (_count == 0)
        {
            _fileOffset = fileOffset;
        }

        Memory<byte> piece = _buffer.AsMemory(_count, length);
        piece.Span.Clear();
        _count += length;
        return piece;
    }

    /// <summary>Writes what is pending.</summary>
    public async ValueTask FlushAsync()
    {
        if (_count > 0)
        {
            await _sink.WriteAsync(_buffer.AsMemory(0, _count), _fileOffset, _mode, _cancellationToken).ConfigureAwait(false);
            _count = 0;
        }
    }

    public void Dispose() => ArrayPool<byte>.Shared.Return(_buffer);
}
