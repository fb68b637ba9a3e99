using System;
using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>Writes a streamOptimized disk from front to back, to a file or a pipe, in the shape that ovftool writes and ESXi imports.</summary>
/// <remarks>
/// Header, descriptor; then for every 32 MiB of the disk that holds data its compressed grains, a table marker and the
/// table; then directory, footer and end of stream, each behind its marker. Positions on the disk only rise.
/// </remarks>
internal sealed class VmdkStreamWriter : DiskWriter
{
    private const int GrainSize = VmdkConstants.GrainSize;
    private const int GrainSectors = GrainSize / VmdkConstants.SectorSize;
    private const int BufferLength = 1 << 20;
    private readonly ImageSink _sink;
    private readonly byte[] _descriptor;
    private readonly VmdkSparseLayout _layout;
    private readonly Dictionary<long, uint> _directory = [];
    private readonly uint[] _table = new uint[VmdkConstants.TableEntries];
    private readonly byte[] _partial;
    private byte[]? _buffer;
    private int _buffered;
    private long _fileOffset;
    private long _drained;
    private long _position;
    private long _tableNumber = -1;
    private bool _hasPartial;

    public VmdkStreamWriter(ImageSink sink, long length, VmdkOptions options)
    {
        _sink = sink;
        Length = (length + VmdkConstants.SectorSize - 1) / VmdkConstants.SectorSize * VmdkConstants.SectorSize;
        _layout = new VmdkSparseLayout(Length);
        string name = sink.Name.Length == 0 ? "generated-stream.vmdk" : sink.Name;
        _descriptor = new VmdkDescriptorText(options, _layout.Sectors).Build([(name, _layout.Sectors)]);
        if (_descriptor.Length > VmdkConstants.DescriptorSectors * VmdkConstants.SectorSize)
        {
            throw new ArgumentException("The descriptor does not fit into the 20 sectors kept for it: the names are too long.", nameof(options));
        }

        _partial = new byte[GrainSize];
        _buffer = ArrayPool<byte>.Shared.Rent(BufferLength);
        BeginHeader();
    }

    public override long Length { get; }

    public override int PreferredBlockSize => GrainSize;

    public override bool RequiresSequentialWrites => true;

    public override bool EncodesBlocks => true;

    protected override async ValueTask WriteCoreAsync(ReadOnlyMemory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        await AdvanceAsync(offset, mode, cancellationToken).ConfigureAwait(false);
        while (buffer.Length > 0)
        {
            int within = (int)(_position % GrainSize);
            int count = Math.Min(buffer.Length, GrainSize - within);
            if (count == GrainSize)
            {
                await WriteGrainAsync(buffer[..count], _position / GrainSize, mode, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                buffer.Span[..count].CopyTo(_partial.AsSpan(within));
                _hasPartial = true;
            }

            _position += count;
            buffer = buffer[count..];
            if (_hasPartial && _position % GrainSize == 0)
            {
                await FlushPartialAsync((_position / GrainSize) - 1, mode, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    protected override ValueTask WriteZeroesCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken) =>
        AdvanceAsync(offset + length, mode, cancellationToken);

    protected override EncodedBlock EncodeBlockCore(ReadOnlySpan<byte> block, long offset)
    {
        if (offset % GrainSize != 0 || (block.Length != GrainSize && offset + block.Length != Length))
        {
            throw new ArgumentException($"A block of {block.Length} bytes at {offset} is not one whole grain of {GrainSize} bytes.", nameof(block));
        }

        if (!block.ContainsAnyExcept((byte)0))
        {
            return new EncodedBlock(offset, block.Length, ArrayPool<byte>.Shared.Rent(1), 0, 0);
        }

        byte[] rented = ArrayPool<byte>.Shared.Rent(VmdkGrainCodec.EncodeBufferLength(GrainSize));
        int length = Encode(block, offset, rented);
        return new EncodedBlock(offset, block.Length, rented, length, 0);
    }

    protected override async ValueTask WriteEncodedCoreAsync(EncodedBlock block, IoMode mode, CancellationToken cancellationToken)
    {
        await AdvanceAsync(block.Offset, mode, cancellationToken).ConfigureAwait(false);
        if (block.Content.Length > 0)
        {
            await AppendGrainAsync(block.Content, block.Offset / GrainSize, mode, cancellationToken).ConfigureAwait(false);
        }

        _position = block.Offset + block.PlainLength;
    }

    protected override async ValueTask CompleteCoreAsync(IoMode mode, CancellationToken cancellationToken)
    {
        await AdvanceAsync(Length, mode, cancellationToken).ConfigureAwait(false);
        if (_hasPartial)
        {
            await FlushPartialAsync(_position / GrainSize, mode, cancellationToken).ConfigureAwait(false);
        }

        await FlushTableAsync(mode, cancellationToken).ConfigureAwait(false);
        long directorySector = await WriteDirectoryAsync(mode, cancellationToken).ConfigureAwait(false);
        byte[] footer = new byte[VmdkFooter.Length];
        WriteMarker(footer, 1, VmdkMarkerType.Footer);
        WriteHeader(footer.AsSpan(VmdkConstants.SectorSize), (ulong)directorySector);
        await AppendAsync(footer, mode, cancellationToken).ConfigureAwait(false);
        await DrainAsync(mode, cancellationToken).ConfigureAwait(false);
        await _sink.CompleteAsync(mode, cancellationToken).ConfigureAwait(false);
    }

    protected override void Dispose(bool disposing)
    {
        if (_buffer is { } buffer)
        {
            _buffer = null;
            ArrayPool<byte>.Shared.Return(buffer);
        }

        _sink.Dispose();
        base.Dispose(disposing);
    }

    private static int Encode(ReadOnlySpan<byte> block, long offset, byte[] buffer)
    {
        if (block.Length == GrainSize)
        {
            return VmdkGrainCodec.Encode(block, offset / VmdkConstants.SectorSize, buffer);
        }

        // The grain at the end of the disk is stored whole: readers inflate into a whole grain.
        byte[] whole = new byte[GrainSize];
        block.CopyTo(whole);
        return VmdkGrainCodec.Encode(whole, offset / VmdkConstants.SectorSize, buffer);
    }

    private static void WriteMarker(Span<byte> sector, long sectors, VmdkMarkerType type)
    {
        BinaryPrimitives.WriteInt64LittleEndian(sector, sectors);
        BinaryPrimitives.WriteUInt32LittleEndian(sector[12..], (uint)type);
    }

    private void BeginHeader()
    {
        byte[] buffer = _buffer!;
        int length = VmdkConstants.GrainSize;
        buffer.AsSpan(0, length).Clear();
        WriteHeader(buffer, VmdkConstants.DirectoryAtEnd);
        _descriptor.CopyTo(buffer.AsSpan(VmdkConstants.SectorSize));
        _buffered = length;
        _fileOffset = length;
    }

    private void WriteHeader(Span<byte> bytes, ulong directorySector) => new VmdkHeader
    {
        Version = 3,
        Flags = VmdkHeaderFlags.NewLineTest | VmdkHeaderFlags.Compressed | VmdkHeaderFlags.Markers,
        Capacity = (ulong)_layout.Sectors,
        GrainSectors = GrainSectors,
        DescriptorSector = 1,
        DescriptorSectors = VmdkConstants.DescriptorSectors,
        TableEntries = VmdkConstants.TableEntries,
        DirectorySector = directorySector,
        OverheadSectors = GrainSectors,
        Compression = 1,
    }.WriteTo(bytes);

    /// <summary>Moves to a position; what lies between reads as zeros.</summary>
    private async ValueTask AdvanceAsync(long offset, IoMode mode, CancellationToken cancellationToken)
    {
        if (offset < _position)
        {
            throw new InvalidOperationException($"The stream is written from front to back: a write at {offset} comes after one that ended at {_position}.");
        }

        if (_hasPartial && offset / GrainSize != _position / GrainSize)
        {
            await FlushPartialAsync(_position / GrainSize, mode, cancellationToken).ConfigureAwait(false);
        }

        _position = offset;
    }

    private async ValueTask FlushPartialAsync(long grain, IoMode mode, CancellationToken cancellationToken)
    {
        _hasPartial = false;
        await WriteGrainAsync(_partial, grain, mode, cancellationToken).ConfigureAwait(false);
        _partial.AsSpan().Clear();
    }

    private async ValueTask WriteGrainAsync(ReadOnlyMemory<byte> content, long grain, IoMode mode, CancellationToken cancellationToken)
    {
        if (!content.Span.ContainsAnyExcept((byte)0))
        {
            return;
        }

        byte[] rented = ArrayPool<byte>.Shared.Rent(VmdkGrainCodec.EncodeBufferLength(GrainSize));
        try
        {
            int length = VmdkGrainCodec.Encode(content.Span, grain * GrainSectors, rented);
            await AppendGrainAsync(rented.AsMemory(0, length), grain, mode, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private async ValueTask AppendGrainAsync(ReadOnlyMemory<byte> encoded, long grain, IoMode mode, CancellationToken cancellationToken)
    {
        long table = grain / VmdkConstants.TableEntries;
        if (table != _tableNumber)
        {
            await FlushTableAsync(mode, cancellationToken).ConfigureAwait(false);
            _tableNumber = table;
        }

        _table[grain % VmdkConstants.TableEntries] = NextSector();
        await AppendAsync(encoded, mode, cancellationToken).ConfigureAwait(false);
    }

    private uint NextSector()
    {
        long sector = _fileOffset / VmdkConstants.SectorSize;
        return sector <= uint.MaxValue
            ? (uint)sector
            : throw new CloudImageException("The streamOptimized VMDK would pass 2 TiB, which its 32-bit sector numbers cannot reach.");
    }

    private async ValueTask FlushTableAsync(IoMode mode, CancellationToken cancellationToken)
    {
        if (_tableNumber < 0)
        {
            return;
        }

        byte[] bytes = new byte[VmdkConstants.SectorSize + (VmdkConstants.TableEntries * sizeof(uint))];
        WriteMarker(bytes, VmdkSparseLayout.TableSectors, VmdkMarkerType.GrainTable);
        for (int i = 0; i < _table.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(VmdkConstants.SectorSize + (i * sizeof(uint))), _table[i]);
        }

        _directory.Add(_tableNumber, NextSector() + 1);
        _tableNumber = -1;
        _table.AsSpan().Clear();
        await AppendAsync(bytes, mode, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<long> WriteDirectoryAsync(IoMode mode, CancellationToken cancellationToken)
    {
        long sectors = ((_layout.TableCount * sizeof(uint)) + VmdkConstants.SectorSize - 1) / VmdkConstants.SectorSize;
        byte[] bytes = new byte[VmdkConstants.SectorSize];
        WriteMarker(bytes, sectors, VmdkMarkerType.GrainDirectory);
        await AppendAsync(bytes, mode, cancellationToken).ConfigureAwait(false);
        long directorySector = NextSector();
        for (long i = 0; i < sectors; i++)
        {
            const int EntriesPerSector = VmdkConstants.SectorSize / sizeof(uint);
            for (int k = 0; k < EntriesPerSector; k++)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(k * sizeof(uint)), _directory.GetValueOrDefault((i * EntriesPerSector) + k));
            }

            await AppendAsync(bytes, mode, cancellationToken).ConfigureAwait(false);
        }

        return directorySector;
    }

    private async ValueTask AppendAsync(ReadOnlyMemory<byte> bytes, IoMode mode, CancellationToken cancellationToken)
    {
        _fileOffset += bytes.Length;
        while (bytes.Length > 0)
        {
            if (_buffered == BufferLength)
            {
                await DrainAsync(mode, cancellationToken).ConfigureAwait(false);
            }

            int count = Math.Min(bytes.Length, BufferLength - _buffered);
            bytes[..count].CopyTo(_buffer.AsMemory(_buffered));
            _buffered += count;
            bytes = bytes[count..];
        }
    }

    private async ValueTask DrainAsync(IoMode mode, CancellationToken cancellationToken)
    {
        await _sink.WriteAsync(_buffer.AsMemory(0, _buffered), _drained, mode, cancellationToken).ConfigureAwait(false);
        _drained += _buffered;
        _buffered = 0;
    }
}
