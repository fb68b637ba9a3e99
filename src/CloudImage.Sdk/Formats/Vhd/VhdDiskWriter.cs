using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vhd;

/// <summary>Writes a dynamic or differencing disk.</summary>
/// <remarks>
/// Blocks get their places in order of their first write; data goes there at once, from any number of threads. Bitmaps,
/// table, header and both footers are written once, at the end: until then nothing is published.
/// </remarks>
internal sealed class VhdDiskWriter : DiskWriter
{
    private const int ZeroLength = 65536;

    /// <summary>Zeros within a stored block that are not written stay a hole in the file.</summary>
    private const int SparseLength = 65536;

    private static readonly byte[] s_zeroes = new byte[ZeroLength];
    private readonly Lock _lock = new();
    private readonly ImageSink _sink;
    private readonly VhdOptions _options;
    private readonly VhdFooter _footer;
    private readonly uint[] _table;
    private readonly int _bitmapLength;
    private readonly long _pitch;
    private readonly long _tableOffset;
    private readonly SectorCoverage? _coverage;
    private readonly List<(uint Code, byte[] Text, long FileOffset)> _locators = [];
    private long _fileEnd;

    public VhdDiskWriter(ImageSink sink, long length, VhdOptions options)
    {
        if (sink.IsSequential)
        {
            throw new NotSupportedException("A dynamic VHD has its block table in front and cannot be written to a pipe; a fixed one can.");
        }

        if (options.BlockSize is not (VhdConstants.DefaultBlockSize or 512 << 10))
        {
            throw new ArgumentException($"The block size is {options.BlockSize}; Windows opens 2 MiB and 512 KiB.", nameof(options));
        }

        _sink = sink;
        _options = options;
        Length = length;
        _footer = VhdFooterFactory.Make(length, options.Parent is null ? VhdDiskType.Dynamic : VhdDiskType.Differencing, options);
        _table = new uint[(length + options.BlockSize - 1) / options.BlockSize];
        Array.Fill(_table, VhdConstants.UnallocatedEntry);
        _bitmapLength = VhdImage.BitmapLengthOf(options.BlockSize);
        _pitch = Align(_bitmapLength + options.BlockSize, VhdConstants.DataAlignment);
        long end = VhdConstants.FooterLength + VhdConstants.DynamicHeaderLength;
        if (options.Parent is { } parent)
        {
            _coverage = new SectorCoverage(length, VhdConstants.SectorSize, options.BlockSize);
            end = PlaceLocators(parent, end);
        }

        _tableOffset = end;
        // The bitmap ends, and the data begins, at a multiple of 4 KiB.
        _fileEnd = Align(_tableOffset + (_table.Length * 4L) + _bitmapLength, VhdConstants.DataAlignment) - _bitmapLength;
        FirstBlockOffset = _fileEnd;
    }

    public override long Length { get; }

    public override int PreferredBlockSize => _options.BlockSize;

    public override int SparseBlockSize => SparseLength;

    private long FirstBlockOffset { get; }

    protected override async ValueTask WriteCoreAsync(ReadOnlyMemory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        while (!buffer.IsEmpty)
        {
            int inBlock = (int)(offset % _options.BlockSize);
            int count = Math.Min(buffer.Length, _options.BlockSize - inBlock);
            ReadOnlyMemory<byte> part = buffer[..count];
            long fileOffset = PlaceOf(offset / _options.BlockSize, _coverage is not null || !ZeroDetector.IsZero(part.Span), out _);
            if (fileOffset >= 0)
            {
                await _sink.WriteAsync(part, fileOffset + inBlock, mode, cancellationToken).ConfigureAwait(false);
                _coverage?.Add(offset, count);
            }

            buffer = buffer[count..];
            offset += count;
        }
    }

    protected override async ValueTask WriteZeroesCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        long end = offset + length;
        while (offset < end)
        {
            int inBlock = (int)(offset % _options.BlockSize);
            int count = (int)Math.Min(end - offset, _options.BlockSize - inBlock);

            // The format cannot say "zero": over a parent the block is stored, and a new one reads as zeros by itself.
            long fileOffset = PlaceOf(offset / _options.BlockSize, _coverage is not null, out bool isNew);
            for (int done = 0; done < count && fileOffset >= 0 && !isNew;)
            {
                int step = Math.Min(ZeroLength, count - done);
                await _sink.WriteAsync(s_zeroes.AsMemory(0, step), fileOffset + inBlock + done, mode, cancellationToken).ConfigureAwait(false);
                done += step;
            }

            _coverage?.Add(offset, count);
            offset += count;
        }
    }

    protected override async ValueTask CompleteCoreAsync(IoMode mode, CancellationToken cancellationToken)
    {
        _coverage?.ThrowIfTorn();
        await WriteBitmapsAsync(mode, cancellationToken).ConfigureAwait(false);
        await WriteTableAsync(mode, cancellationToken).ConfigureAwait(false);
        foreach ((uint _, byte[] text, long fileOffset) in _locators)
        {
            await _sink.WriteAsync(text, fileOffset, mode, cancellationToken).ConfigureAwait(false);
        }

        byte[] footer = _footer.ToArray();
        byte[] head = [.. footer, .. MakeHeader().ToArray()];
        await _sink.WriteAsync(head, 0, mode, cancellationToken).ConfigureAwait(false);
        await _sink.WriteAsync(footer, FooterOffset, mode, cancellationToken).ConfigureAwait(false);
        await _sink.CompleteAsync(mode, cancellationToken).ConfigureAwait(false);
    }

    protected override void Dispose(bool disposing)
    {
        _sink.Dispose();
        base.Dispose(disposing);
    }

    private long FooterOffset => _fileEnd == FirstBlockOffset
        ? Align(_tableOffset + (_table.Length * 4L), VhdConstants.SectorSize)
        : _fileEnd - _pitch + _bitmapLength + _options.BlockSize;

    private static long Align(long value, long alignment) => (value + alignment - 1) / alignment * alignment;

    /// <summary>Position of a block's data in the container, or -1 where it has none and is not to get one.</summary>
    private long PlaceOf(long block, bool allocates, out bool isNew)
    {
        lock (_lock)
        {
            isNew = _table[block] == VhdConstants.UnallocatedEntry;
            if (isNew)
            {
                if (!allocates)
                {
                    return -1;
                }

                _table[block] = checked((uint)(_fileEnd / VhdConstants.SectorSize));
                _fileEnd += _pitch;
            }

            return ((long)_table[block] * VhdConstants.SectorSize) + _bitmapLength;
        }
    }

    private long PlaceLocators(DiskReference parent, long end)
    {
        if (!Guid.TryParse(parent.LinkageId, out _))
        {
            throw new ArgumentException("A differencing VHD names its parent by id: give the parent's DiskInfo.LinkageId with the reference.", nameof(parent));
        }

        string plain = WindowsFileName.PlainName(parent.Name);
        AddLocator(VhdConstants.LocatorRelative, parent.Name == plain ? $".\\{plain}" : parent.Name.Replace('/', '\\'), ref end);
        foreach (string name in parent.AlternativeNames)
        {
            if (name.Length > 2 && name[1] == ':')
            {
                AddLocator(VhdConstants.LocatorAbsolute, name.Replace('/', '\\'), ref end);
                break;
            }
        }

        return end;
    }

    private void AddLocator(uint code, string name, ref long end)
    {
        byte[] text = Encoding.Unicode.GetBytes(name);
        _locators.Add((code, text, end));
        end = Align(end + text.Length, VhdConstants.SectorSize);
    }

    private VhdDynamicHeader MakeHeader()
    {
        List<VhdParentLocator> locators = [];
        foreach ((uint code, byte[] text, long fileOffset) in _locators)
        {
            locators.Add(new VhdParentLocator(code, (uint)Align(text.Length, VhdConstants.SectorSize), (uint)text.Length, (ulong)fileOffset));
        }

        return new VhdDynamicHeader
        {
            TableOffset = (ulong)_tableOffset,
            TableEntries = (uint)_table.Length,
            BlockSize = (uint)_options.BlockSize,
            ParentId = _options.Parent is { } parent ? Guid.Parse(parent.LinkageId!) : Guid.Empty,
            ParentName = _options.Parent is { } named ? WindowsFileName.PlainName(named.Name) : string.Empty,
            Locators = locators,
        };
    }

    private async ValueTask WriteBitmapsAsync(IoMode mode, CancellationToken cancellationToken)
    {
        byte[] bitmap = new byte[_bitmapLength];
        bitmap.AsSpan(0, _options.BlockSize / VhdConstants.SectorSize / 8).Fill(0xFF);
        for (int block = 0; block < _table.Length; block++)
        {
            if (_table[block] == VhdConstants.UnallocatedEntry)
            {
                continue;
            }

            if (_coverage is not null)
            {
                FillBitmap(block, bitmap);
            }

            await _sink.WriteAsync(bitmap, (long)_table[block] * VhdConstants.SectorSize, mode, cancellationToken).ConfigureAwait(false);
        }
    }

    // The format counts bits from the highest down.
    private void FillBitmap(int block, byte[] bitmap)
    {
        Span<byte> bits = bitmap.AsSpan(0, _options.BlockSize / VhdConstants.SectorSize / 8);
        _coverage!.CopyTo(block, bits);
        foreach (ref byte value in bits)
        {
            value = (byte)(((value * 0x0202020202UL) & 0x010884422010UL) % 1023);
        }
    }

    private async ValueTask WriteTableAsync(IoMode mode, CancellationToken cancellationToken)
    {
        byte[] bytes = new byte[Align(_table.Length * 4L, VhdConstants.SectorSize)];
        bytes.AsSpan().Fill(0xFF);
        for (int block = 0; block < _table.Length; block++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(block * 4), _table[block]);
        }

        await _sink.WriteAsync(bytes, _tableOffset, mode, cancellationToken).ConfigureAwait(false);
    }
}
