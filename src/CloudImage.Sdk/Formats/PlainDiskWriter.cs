using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats;

/// <summary>Writes a container in which position on the disk is position in the file: raw, and a fixed VHD before its footer. Fits a pipe.</summary>
internal abstract class PlainDiskWriter : DiskWriter
{
    private static readonly byte[] s_zeroes = new byte[65536];
    private long _position;

    protected PlainDiskWriter(ImageSink sink, long length)
    {
        ContainerSink = sink;
        Length = length;
    }

    public sealed override long Length { get; }

    public sealed override int PreferredBlockSize => 4096;

    public sealed override bool RequiresSequentialWrites => ContainerSink.IsSequential;

    /// <summary>What the bytes go to; owned.</summary>
    protected ImageSink ContainerSink { get; }

    protected sealed override async ValueTask WriteCoreAsync(ReadOnlyMemory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        if (ContainerSink.IsSequential)
        {
            await PadToAsync(offset, mode, cancellationToken).ConfigureAwait(false);
            _position = offset + buffer.Length;
        }

        await ContainerSink.WriteAsync(buffer, offset, mode, cancellationToken).ConfigureAwait(false);
    }

    protected sealed override async ValueTask WriteZeroesCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        for (long done = 0; done < length;)
        {
            int count = (int)Math.Min(s_zeroes.Length, length - done);
            await WriteCoreAsync(s_zeroes.AsMemory(0, count), offset + done, mode, cancellationToken).ConfigureAwait(false);
            done += count;
        }
    }

    protected sealed override async ValueTask CompleteCoreAsync(IoMode mode, CancellationToken cancellationToken)
    {
        if (ContainerSink.IsSequential)
        {
            await PadToAsync(Length, mode, cancellationToken).ConfigureAwait(false);
        }

        await WriteEndAsync(mode, cancellationToken).ConfigureAwait(false);
        await ContainerSink.CompleteAsync(mode, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Ends the container behind the last byte of the disk; a sequential sink has taken everything before it.</summary>
    protected abstract ValueTask WriteEndAsync(IoMode mode, CancellationToken cancellationToken);

    protected override void Dispose(bool disposing)
    {
        ContainerSink.Dispose();
        base.Dispose(disposing);
    }

    private async ValueTask PadToAsync(long offset, IoMode mode, CancellationToken cancellationToken)
    {
        if (offset < _position)
        {
            throw new InvalidOperationException($"The sink is sequential: a write at {offset} comes after one that ended at {_position}.");
        }

        while (_position < offset)
        {
            int count = (int)Math.Min(s_zeroes.Length, offset - _position);
            await ContainerSink.WriteAsync(s_zeroes.AsMemory(0, count), _position, mode, cancellationToken).ConfigureAwait(false);
            _position += count;
        }
    }
}
