using System;
using System.IO;

namespace CloudImage.Sdk.Formats.Archives;

/// <summary>Takes written bytes into a buffer, and remembers when there were more than fit.</summary>
internal sealed class FixedBufferStream : Stream
{
    private readonly Memory<byte> _buffer;

    public FixedBufferStream(Memory<byte> buffer) => _buffer = buffer;

    public int Count { get; private set; }

    public bool HasOverflowed { get; private set; }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => Count;

    public override long Position
    {
        get => Count;
        set => throw new NotSupportedException("The stream is written forward only.");
    }

    public override void Write(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        Write(buffer.AsSpan(offset, count));
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (HasOverflowed || buffer.Length > _buffer.Length - Count)
        {
            HasOverflowed = true;
            return;
        }

        buffer.CopyTo(_buffer.Span[Count..]);
        Count += buffer.Length;
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("The stream is written only.");

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("The stream is written forward only.");

    public override void SetLength(long value) => throw new NotSupportedException("The stream has the length of what is written.");

    public override void Flush()
    {
    }
}
