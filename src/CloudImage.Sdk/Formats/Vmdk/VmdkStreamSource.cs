using System;
using System.Buffers.Binary;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>Reads a streamOptimized disk from front to back, from a pipe: each grain says in its marker where it belongs.</summary>
internal sealed class VmdkStreamSource : SequentialDiskSource
{
    private readonly Stream _stream;
    private readonly bool _leaveOpen;
    private readonly VmdkHeader _header;
    private readonly VmdkStreamAudit _audit;
    private readonly byte[] _encoded;
    private readonly byte[] _grain;
    private readonly int _grainSize;
    private readonly long _length;
    private long _fileOffset;
    private long _position;
    private long _nextOffset;
    private int _encodedLength;
    private bool _hasNext;
    private bool _isAtEnd;
    private int _heldStart;
    private int _heldEnd;

    private VmdkStreamSource(Stream stream, VmdkHeader header, VmdkDescriptor? descriptor, VmdkStreamAudit audit, long fileOffset, bool leaveOpen)
    {
        _stream = stream;
        _header = header;
        _audit = audit;
        _fileOffset = fileOffset;
        _leaveOpen = leaveOpen;
        _grainSize = (int)header.GrainSize;
        _length = header.Length;
        _grain = new byte[_grainSize];
        _encoded = new byte[VmdkConstants.GrainMarkerSize + VmdkGrainCodec.MaxEncodedLength(_grainSize) + VmdkConstants.SectorSize];
        Info = new DiskInfo
        {
            FormatName = VmdkConstants.FormatName,
            Variant = "streamOptimized",
            VirtualSize = _length,
            AllocationUnitSize = _grainSize,
            LinkageId = descriptor?.ContentId.ToString("x8", System.Globalization.CultureInfo.InvariantCulture),
            Features = ["compressed", "markers"],
        };
    }

    public override DiskInfo Info { get; }

    public override long? Length => _length;

    /// <summary>Reads what lies in front of the grains.</summary>
    public static async ValueTask<SequentialDiskSource> OpenAsync(Stream stream, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        byte[] sector = new byte[VmdkConstants.SectorSize];
        int read = await stream.ReadFullyAsync(sector, mode, cancellationToken).ConfigureAwait(false);
        VmdkHeader header = VmdkHeader.Parse(sector.AsSpan(0, read), 0);
        if (!header.IsCompressed || !header.HasMarkers)
        {
            throw new UnsupportedDiskFeatureException(VmdkConstants.FormatName, 8, "sequential", "Of the VMDK variants only streamOptimized can be read from front to back. Save the input to a file first.");
        }

        if (header.Length > options.Limits.MaxVirtualSize)
        {
            throw new DiskFormatException(VmdkConstants.FormatName, 12, $"The disk has {header.Length} bytes, more than the limit of {options.Limits.MaxVirtualSize} (DiskReadLimits.MaxVirtualSize).");
        }

        byte[] front = await ReadFrontAsync(stream, sector, header, options.Limits, mode, cancellationToken).ConfigureAwait(false);
        using MemoryDisk frontDisk = new(front);
        VmdkDescriptor? descriptor = await VmdkOpener.ReadEmbeddedAsync(frontDisk, header, options.Limits, IoMode.Synchronous, cancellationToken).ConfigureAwait(false);
        if (descriptor is { HasParent: true } && !options.IgnoreMissingParent)
        {
            throw new DiskReferenceException(
                new DiskReference(DiskReferenceKind.Parent, descriptor.ParentFileName ?? string.Empty) { FormatName = VmdkConstants.FormatName },
                $"The stream belongs over the parent '{descriptor.ParentFileName}', which cannot be read beside a stream. Save it to a file and open it with a resolver.");
        }

        return new VmdkStreamSource(stream, header, descriptor, new VmdkStreamAudit(header, front), front.Length, options.LeaveOpen);
    }

    protected override async ValueTask<DiskExtent> ReadNextCoreAsync(Memory<byte> buffer, IoMode mode, CancellationToken cancellationToken)
    {
        if (_heldStart < _heldEnd)
        {
            return HandOut(buffer);
        }

        await AdvanceAsync(mode, cancellationToken).ConfigureAwait(false);
        long start = _position;
        long dataStart = _hasNext ? _nextOffset : _length;
        if (start < dataStart)
        {
            _position = dataStart;
            return new DiskExtent(start, dataStart - start, DiskExtentKind.Zero);
        }

        if (!_hasNext)
        {
            return new DiskExtent(start, 0, DiskExtentKind.Zero);
        }

        if (buffer.Length < _grainSize)
        {
            _heldEnd = Decode(_grain);
            _heldStart = 0;
            return HandOut(buffer);
        }

        int count = 0;
        do
        {
            int length = Decode(buffer.Span.Slice(count, _grainSize));
            count += length;
            _position += length;
            await AdvanceAsync(mode, cancellationToken).ConfigureAwait(false);
        }
        while (_hasNext && _nextOffset == _position && buffer.Length - count >= _grainSize);

        return new DiskExtent(start, count, DiskExtentKind.Data);
    }

    protected override void Dispose(bool disposing)
    {
        if (!_leaveOpen)
        {
            _stream.Dispose();
        }

        base.Dispose(disposing);
    }

    private static async ValueTask<byte[]> ReadFrontAsync(Stream stream, byte[] sector, VmdkHeader header, DiskReadLimits limits, IoMode mode, CancellationToken cancellationToken)
    {
        ulong limit = (ulong)Math.Min(limits.MaxMetadataMemory, 1 << 30) / VmdkConstants.SectorSize;
        if (header.OverheadSectors is 0 || header.OverheadSectors > limit)
        {
            throw new DiskFormatException(VmdkConstants.FormatName, 64, $"The grains begin at sector {header.OverheadSectors}; 1 to {limit} were expected.");
        }

        // In pieces, so that memory follows what really arrives and not what the header claims.
        int wanted = (int)header.OverheadSectors * VmdkConstants.SectorSize;
        byte[] front = new byte[Math.Min(wanted, 1 << 20)];
        sector.CopyTo(front, 0);
        int have = sector.Length;
        while (have < wanted)
        {
            if (have == front.Length)
            {
                Array.Resize(ref front, (int)Math.Min(wanted, 2L * front.Length));
            }

            int read = await stream.ReadFullyAsync(front.AsMemory(have), mode, cancellationToken).ConfigureAwait(false);
            if (read < front.Length - have)
            {
                throw new DiskFormatException(VmdkConstants.FormatName, have + read, "The stream ends in front of its first grain.");
            }

            have += read;
        }

        return front;
    }

    private DiskExtent HandOut(Memory<byte> buffer)
    {
        int count = Math.Min(buffer.Length, _heldEnd - _heldStart);
        _grain.AsSpan(_heldStart, count).CopyTo(buffer.Span);
        DiskExtent extent = new(_position, count, DiskExtentKind.Data);
        _heldStart += count;
        _position += count;
        return extent;
    }

    /// <summary>Inflates the grain that was read and frees its place; answers how much of it lies on the disk.</summary>
    private int Decode(Span<byte> destination)
    {
        int onDisk = (int)Math.Min(_grainSize, _length - _nextOffset);
        VmdkGrainCodec.Decode(_encoded, VmdkConstants.GrainMarkerSize, _encodedLength, destination, onDisk, _fileOffset);
        _hasNext = false;
        return onDisk;
    }

    /// <summary>Makes the next grain be at hand, unless one is or the end was reached.</summary>
    private async ValueTask AdvanceAsync(IoMode mode, CancellationToken cancellationToken)
    {
        while (!_hasNext && !_isAtEnd)
        {
            int read = await ReadAsync(_encoded.AsMemory(0, VmdkConstants.SectorSize), mode, cancellationToken).ConfigureAwait(false);
            if (read < VmdkConstants.SectorSize)
            {
                _isAtEnd = true;
                _audit.EndOfInput(_fileOffset, read == 0);
                return;
            }

            if (BinaryPrimitives.ReadUInt32LittleEndian(_encoded.AsSpan(8)) != 0)
            {
                await ReadGrainAsync(mode, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                await ReadMarkedAsync(mode, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async ValueTask ReadGrainAsync(IoMode mode, CancellationToken cancellationToken)
    {
        long marker = _fileOffset - VmdkConstants.SectorSize;
        ulong sector = BinaryPrimitives.ReadUInt64LittleEndian(_encoded);
        _encodedLength = VmdkGrainCodec.ReadMarker(_encoded, 0, _grainSize, false, marker);
        if (sector >= _header.Capacity || sector % _header.GrainSectors != 0 || (long)sector * VmdkConstants.SectorSize < _position)
        {
            throw new DiskFormatException(VmdkConstants.FormatName, marker, $"The marker belongs to the grain of sector {sector}; a multiple of {_header.GrainSectors} from {_position / VmdkConstants.SectorSize} on and below {_header.Capacity} was expected. A stream whose grains are out of order can only be read from a file.");
        }

        int whole = (VmdkConstants.GrainMarkerSize + _encodedLength + VmdkConstants.SectorSize - 1) / VmdkConstants.SectorSize * VmdkConstants.SectorSize;
        int rest = whole - VmdkConstants.SectorSize;
        if (await ReadAsync(_encoded.AsMemory(VmdkConstants.SectorSize, rest), mode, cancellationToken).ConfigureAwait(false) < rest)
        {
            throw new DiskFormatException(VmdkConstants.FormatName, _fileOffset, "The stream ends within a compressed grain.");
        }

        _nextOffset = (long)sector * VmdkConstants.SectorSize;
        _hasNext = true;
        _audit.AddGrain();
    }

    private async ValueTask ReadMarkedAsync(IoMode mode, CancellationToken cancellationToken)
    {
        long marker = _fileOffset - VmdkConstants.SectorSize;
        ulong sectors = BinaryPrimitives.ReadUInt64LittleEndian(_encoded);
        VmdkMarkerType type = (VmdkMarkerType)BinaryPrimitives.ReadUInt32LittleEndian(_encoded.AsSpan(12));
        if (type > VmdkMarkerType.Progress || sectors > long.MaxValue / VmdkConstants.SectorSize)
        {
            throw new DiskFormatException(VmdkConstants.FormatName, marker, $"There is a marker of type {(uint)type} for {sectors} sectors; types 0 to 4 are known.");
        }

        if (type == VmdkMarkerType.EndOfStream)
        {
            _isAtEnd = true;
            _audit.EndOfStream(marker);
            return;
        }

        _audit.Begin(type, marker);
        for (ulong i = 0; i < sectors; i++)
        {
            Memory<byte> sector = _encoded.AsMemory(0, VmdkConstants.SectorSize);
            if (await ReadAsync(sector, mode, cancellationToken).ConfigureAwait(false) < sector.Length)
            {
                throw new DiskFormatException(VmdkConstants.FormatName, _fileOffset, "The stream ends within its tables.");
            }

            _audit.AddSector(type, sector.Span, _fileOffset - sector.Length);
        }
    }

    private async ValueTask<int> ReadAsync(Memory<byte> buffer, IoMode mode, CancellationToken cancellationToken)
    {
        int read = await _stream.ReadFullyAsync(buffer, mode, cancellationToken).ConfigureAwait(false);
        _fileOffset += read;
        return read;
    }
}
