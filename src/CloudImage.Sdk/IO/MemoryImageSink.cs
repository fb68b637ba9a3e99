using System;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.IO;

/// <summary>A container kept in memory, for small images and tests.</summary>
/// <remarks>Writes may come from several threads. At most 2 GiB less 64 KiB.</remarks>
public sealed class MemoryImageSink : ImageSink
{
    private readonly Lock _lock = new();
    private byte[] _content = [];
    private int _length;

    /// <inheritdoc/>
    public override bool IsLocal => true;

    /// <summary>The bytes written so far.</summary>
    /// <returns>A copy.</returns>
    public byte[] ToArray()
    {
        lock (_lock)
        {
            return _content.AsSpan(0, _length).ToArray();
        }
    }

    /// <inheritdoc/>
    protected override ValueTask WriteCoreAsync(ReadOnlyMemory<byte> buffer, long fileOffset, IoMode mode, CancellationToken cancellationToken)
    {
        WriteCore(buffer.Span, fileOffset);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    protected override void WriteCore(ReadOnlySpan<byte> buffer, long fileOffset)
    {
        lock (_lock)
        {
            Grow(fileOffset + buffer.Length);
            buffer.CopyTo(_content.AsSpan((int)fileOffset));
        }
    }

    /// <inheritdoc/>
    protected override ValueTask FlushCoreAsync(IoMode mode, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    /// <inheritdoc/>
    protected override void SetLengthCore(long length)
    {
        lock (_lock)
        {
            if (length < _length)
            {
                _content.AsSpan((int)length, _length - (int)length).Clear();
                _length = (int)length;
            }
            else
            {
                Grow(length);
            }
        }
    }

    /// <inheritdoc/>
    protected override ValueTask CompleteCoreAsync(IoMode mode, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    private void Grow(long length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Array.MaxLength);
        if (length > _content.Length)
        {
            Array.Resize(ref _content, (int)Math.Min(Array.MaxLength, Math.Max(length, 2L * _content.Length)));
        }

        _length = Math.Max(_length, (int)length);
    }
}
