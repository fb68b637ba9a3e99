using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Disks;

/// <summary>Plain disk content from a stream: the end of the stream is the end of the disk.</summary>
internal sealed class RawStreamSource : SequentialDiskSource
{
    private readonly Stream _stream;
    private readonly bool _leaveOpen;
    private readonly long _maxLength;
    private long _position;
    private long? _length;

    public RawStreamSource(Stream stream, long? length, long maxLength, bool leaveOpen)
    {
        _stream = stream;
        _length = length;
        _maxLength = maxLength;
        _leaveOpen = leaveOpen;
        Info = new DiskInfo { FormatName = "raw", VirtualSize = length ?? 0, ContainerLength = length };
    }

    public override DiskInfo Info { get; }

    public override long? Length => _length;

    protected override async ValueTask<DiskExtent> ReadNextCoreAsync(Memory<byte> buffer, IoMode mode, CancellationToken cancellationToken)
    {
        int count = await _stream.ReadFullyAsync(buffer, mode, cancellationToken).ConfigureAwait(false);
        DiskExtent extent = new(_position, count, DiskExtentKind.Data);
        _position += count;
        if (_position > _maxLength)
        {
            throw new DiskFormatException("raw", _position, $"The input has more bytes than the limit of {_maxLength} allows (DiskReadLimits.MaxVirtualSize).");
        }

        if (count < buffer.Length)
        {
            _length = _position;
        }

        return extent;
    }

    protected override void Dispose(bool disposing)
    {
        if (!_leaveOpen)
        {
            _stream.Dispose();
        }

        base.Dispose(disposing);
    }
}
