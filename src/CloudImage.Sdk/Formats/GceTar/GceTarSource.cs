using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats.Archives;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.GceTar;

/// <summary>The disk of a GCE image archive that comes through a pipe; the end of the archive is checked at the end of the disk.</summary>
internal sealed class GceTarSource : SequentialDiskSource
{
    private readonly Stream _plain;
    private readonly TarReader _reader;
    private readonly TarMember _member;
    private long _position;
    private bool _isAtEnd;

    public GceTarSource(Stream plain, TarReader reader, TarMember member)
    {
        _plain = plain;
        _reader = reader;
        _member = member;
        Info = GceTarDisk.Describe(member, null, false);
        Map = member.SparseMap?.ToBlockMap(member.Length);
    }

    public override DiskInfo Info { get; }

    public override long? Length => _member.Length;

    public override BlockMap? Map { get; }

    protected override async ValueTask<DiskExtent> ReadNextCoreAsync(Memory<byte> buffer, IoMode mode, CancellationToken cancellationToken)
    {
        long rest = _member.Length - _position;
        if (rest == 0)
        {
            if (!_isAtEnd)
            {
                await GceTarHeader.ReadEndAsync(_reader, mode, cancellationToken).ConfigureAwait(false);
                await _reader.DrainAsync(mode, cancellationToken).ConfigureAwait(false);
                _isAtEnd = true;
            }

            return new DiskExtent(_position, 0, DiskExtentKind.Zero);
        }

        (DiskExtentKind kind, long length, long _) = _member.SparseMap is { } map ? map.Find(_position, rest) : (DiskExtentKind.Data, rest, 0);
        if (kind == DiskExtentKind.Data)
        {
            length = Math.Min(length, buffer.Length);
            await _reader.ReadAsync(buffer[..(int)length], mode, cancellationToken).ConfigureAwait(false);
        }

        DiskExtent extent = new(_position, length, kind);
        _position += length;
        return extent;
    }

    protected override void Dispose(bool disposing)
    {
        _plain.Dispose();
        base.Dispose(disposing);
    }
}
