using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vhd;

/// <summary>Writes a fixed disk: its bytes, then the footer. Fits a pipe.</summary>
internal sealed class VhdFixedWriter : DiskWriter
{
    private static readonly byte[] s_zeroes = new byte[65536];
    private readonly ImageSink _sink;
    private readonly byte[] _footer;
    private long _position;

    public VhdFixedWriter(ImageSink sink, long length, VhdOptions options)
    {
        _sink = sink;
        Length = length;
        _footer = VhdFooterFactory.Make(length, VhdDiskType.Fixed, options).ToArray();
    }

    public override long Length { get; }

    public override int PreferredBlockSize => VhdConstants.DataAlignment;

    public override bool RequiresSequentialWrites => _sink.IsSequential;

    protected override async ValueTask WriteCoreAsync(ReadOnlyMemory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        if (_sink.IsSequential)
        {
            await PadToAsync(offset, mode, cancellationToken).ConfigureAwait(false);
            _position = offset + buffer.Length;
        }

        await _sink.WriteAsync(buffer, offset, mode, cancellationToken).ConfigureAwait(false);
    }

    protected override async ValueTask WriteZeroesCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        for (long done = 0; done < length;)
        {
            int count = (int)Math.Min(s_zeroes.Length, length - done);
            await WriteCoreAsync(s_zeroes.AsMemory(0, count), offset + done, mode, cancellationToken).ConfigureAwait(false);
            done += count;
        }
    }

    protected override async ValueTask CompleteCoreAsync(IoMode mode, CancellationToken cancellationToken)
    {
        if (_sink.IsSequential)
        {
            await PadToAsync(Length, mode, cancellationToken).ConfigureAwait(false);
        }

        await _sink.WriteAsync(_footer, Length, mode, cancellationToken).ConfigureAwait(false);
        await _sink.CompleteAsync(mode, cancellationToken).ConfigureAwait(false);
    }

    protected override void Dispose(bool disposing)
    {
        _sink.Dispose();
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
            await _sink.WriteAsync(s_zeroes.AsMemory(0, count), _position, mode, cancellationToken).ConfigureAwait(false);
            _position += count;
        }
    }
}
