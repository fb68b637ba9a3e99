using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.IO;

/// <summary>Writes a new container to a stream that only goes forward, such as a pipe or an upload.</summary>
/// <remarks>
/// One write at a time, each where the one before it ended. What was written cannot be taken back: the reader learns from
/// the way in which the stream ends whether it is complete.
/// </remarks>
public sealed class StreamImageSink : ImageSink
{
    private readonly Stream _stream;
    private readonly bool _leaveOpen;
    private long _position;

    /// <summary>Begins a container.</summary>
    /// <param name="stream">What takes the bytes, from its current position on.</param>
    /// <param name="leaveOpen">Whether the stream stays open when the sink is disposed.</param>
    /// <exception cref="ArgumentException">The stream cannot be written.</exception>
    public StreamImageSink(Stream stream, bool leaveOpen)
    {
        ArgumentNullException.ThrowIfNull(stream);
        if (!stream.CanWrite)
        {
            throw new ArgumentException("The stream cannot be written.", nameof(stream));
        }

        _stream = stream;
        _leaveOpen = leaveOpen;
    }

    /// <inheritdoc/>
    public override bool IsSequential => true;

    /// <summary>How many bytes were written.</summary>
    public long Position => _position;

    /// <inheritdoc/>
    protected override void WriteCore(ReadOnlySpan<byte> buffer, long fileOffset)
    {
        ThrowIfElsewhere(fileOffset);
        _stream.Write(buffer);
        _position += buffer.Length;
    }

    /// <inheritdoc/>
    protected override async ValueTask WriteCoreAsync(ReadOnlyMemory<byte> buffer, long fileOffset, IoMode mode, CancellationToken cancellationToken)
    {
        if (mode == IoMode.Synchronous)
        {
            WriteCore(buffer.Span, fileOffset);
            return;
        }

        ThrowIfElsewhere(fileOffset);
        await _stream.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
        _position += buffer.Length;
    }

    /// <inheritdoc/>
    protected override async ValueTask FlushCoreAsync(IoMode mode, CancellationToken cancellationToken)
    {
        if (mode == IoMode.Synchronous)
        {
            _stream.Flush();
            return;
        }

        await _stream.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override void SetLengthCore(long length)
    {
        if (length != _position)
        {
            throw new InvalidOperationException($"The container is a stream of which {_position} bytes are written; its length cannot be set to {length}.");
        }
    }

    /// <inheritdoc/>
    protected override ValueTask CompleteCoreAsync(IoMode mode, CancellationToken cancellationToken) => FlushCoreAsync(mode, cancellationToken);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && !_leaveOpen)
        {
            _stream.Dispose();
        }

        base.Dispose(disposing);
    }

    private void ThrowIfElsewhere(long fileOffset)
    {
        if (fileOffset != _position)
        {
            throw new InvalidOperationException($"The container is a stream at byte {_position}: a write at {fileOffset} is not possible.");
        }
    }
}
