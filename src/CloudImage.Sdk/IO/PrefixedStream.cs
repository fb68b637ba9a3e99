using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.IO;

/// <summary>A stream of which the first bytes were read ahead, put together again. Forward only; owns the stream unless told otherwise.</summary>
internal sealed class PrefixedStream : Stream
{
    private readonly Stream _rest;
    private readonly bool _leaveOpen;
    private ReadOnlyMemory<byte> _prefix;

    public PrefixedStream(ReadOnlyMemory<byte> prefix, Stream rest, bool leaveOpen)
    {
        _prefix = prefix;
        _rest = rest;
        _leaveOpen = leaveOpen;
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException("The stream is read forward only and does not know its length.");

    public override long Position
    {
        get => throw new NotSupportedException("The stream is read forward only.");
        set => throw new NotSupportedException("The stream is read forward only.");
    }

    public override int Read(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        return Read(buffer.AsSpan(offset, count));
    }

    public override int Read(Span<byte> buffer) => _prefix.IsEmpty ? _rest.Read(buffer) : TakePrefix(buffer);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        ValidateBufferArguments(buffer, offset, count);
        return ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _prefix.IsEmpty ? _rest.ReadAsync(buffer, cancellationToken) : ValueTask.FromResult(TakePrefix(buffer.Span));

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("The stream is read forward only.");

    public override void SetLength(long value) => throw new NotSupportedException("The stream cannot be written.");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("The stream cannot be written.");

    public override void Flush()
    {
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_leaveOpen)
        {
            _rest.Dispose();
        }

        base.Dispose(disposing);
    }

    private int TakePrefix(Span<byte> buffer)
    {
        int count = Math.Min(buffer.Length, _prefix.Length);
        _prefix.Span[..count].CopyTo(buffer);
        _prefix = _prefix[count..];
        return count;
    }
}
