using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>Writes an extent of plain content: position in the extent is position in the file.</summary>
internal sealed class VmdkFlatExtentWriter : VmdkExtentWriter
{
    private static readonly byte[] s_zeroes = new byte[65536];
    private readonly ImageSink _sink;
    private readonly long _length;
    private long _end;

    public VmdkFlatExtentWriter(ImageSink sink, long length)
    {
        _sink = sink;
        _length = length;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        AtomicMax.Update(ref _end, offset + buffer.Length);
        return _sink.WriteAsync(buffer, offset, mode, cancellationToken);
    }

    public override async ValueTask WriteZeroesAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        // What lies behind everything that was written is zeros already.
        long end = Math.Min(offset + length, Interlocked.Read(ref _end));
        while (offset < end)
        {
            int count = (int)Math.Min(s_zeroes.Length, end - offset);
            await _sink.WriteAsync(s_zeroes.AsMemory(0, count), offset, mode, cancellationToken).ConfigureAwait(false);
            offset += count;
        }
    }

    public override ValueTask CompleteAsync(IoMode mode, CancellationToken cancellationToken)
    {
        _sink.SetLength(_length);
        return _sink.CompleteAsync(mode, cancellationToken);
    }

    public override void Dispose() => _sink.Dispose();
}
