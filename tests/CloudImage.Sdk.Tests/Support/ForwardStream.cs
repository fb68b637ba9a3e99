using System;
using System.IO;

namespace CloudImage.Sdk.Tests.Support;

/// <summary>A stream as a pipe is one: forward only, of unknown length, with short reads.</summary>
internal sealed class ForwardStream : Stream
{
    private readonly Stream _inner;
    private readonly int _maxReadLength;

    public ForwardStream(byte[] content, int maxReadLength = 4099)
        : this(new MemoryStream(content), maxReadLength)
    {
    }

    public ForwardStream(Stream inner, int maxReadLength = 4099)
    {
        _inner = inner;
        _maxReadLength = maxReadLength;
    }

    public bool IsDisposed { get; private set; }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count) => _inner.Read(buffer, offset, Math.Min(count, _maxReadLength));

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    protected override void Dispose(bool disposing)
    {
        IsDisposed = true;
        _inner.Dispose();
        base.Dispose(disposing);
    }
}
