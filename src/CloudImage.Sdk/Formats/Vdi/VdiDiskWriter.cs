using System;
using System.Buffers;
using System.Buffers.Binary;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vdi;

/// <summary>Writes a dynamic or static VDI: blocks as they come, then the map, header last.</summary>
internal sealed class VdiDiskWriter : DiskWriter
{
    private const int SegmentBlocks = 64;

    // The file ends where its blocks end: what is not written of a block is a hole, which reads as zeros.
    private const int SparseLength = 65536;
    private static readonly byte[] s_zeroes = new byte[65536];
    private readonly ImageSink _sink;
    private readonly VdiOptions _options;
    private readonly VdiBlockMap _map;
    private readonly Lock _lock = new();
    private readonly int _blockSize;
    private readonly long _dataOffset;
    private uint _allocated;

    public VdiDiskWriter(ImageSink sink, long length, VdiOptions options)
    {
        _sink = sink;
        _options = options;
        _blockSize = options.BlockSize;
        Validate(length, options);
        Length = (length + VdiConstants.SectorSize - 1) / VdiConstants.SectorSize * VdiConstants.SectorSize;
        _map = new VdiBlockMap((uint)((Length + _blockSize - 1) / _blockSize));
        _dataOffset = VdiHeader.Size + (((_map.Count * (long)sizeof(uint)) + VdiConstants.SectorSize - 1) / VdiConstants.SectorSize * VdiConstants.SectorSize);
    }

    public override long Length { get; }

    public override int PreferredBlockSize => _blockSize;

    public override int SparseBlockSize => SparseLength;

    protected override async ValueTask WriteCoreAsync(ReadOnlyMemory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        if (_options.IsStatic)
        {
            await _sink.WriteAsync(buffer, _dataOffset + offset, mode, cancellationToken).ConfigureAwait(false);
            return;
        }

        uint[] entries = ArrayPool<uint>.Shared.Rent(SegmentBlocks);
        try
        {
            while (buffer.Length > 0)
            {
                long segmentEnd = ((offset / _blockSize) + SegmentBlocks) * _blockSize;
                int count = (int)Math.Min(buffer.Length, segmentEnd - offset);
                Assign(buffer.Span[..count], offset, entries);
                await WriteRunsAsync(buffer[..count], offset, entries, mode, cancellationToken).ConfigureAwait(false);
                buffer = buffer[count..];
                offset += count;
            }
        }
        finally
        {
            ArrayPool<uint>.Shared.Return(entries);
        }
    }

    protected override async ValueTask WriteZeroesCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        long end = offset + length;
        while (offset < end)
        {
            long block = offset / _blockSize;
            if (!_options.IsStatic && !_map.HasPage(block))
            {
                offset = ((block / VdiBlockMap.EntriesPerPage) + 1) * VdiBlockMap.EntriesPerPage * _blockSize;
                continue;
            }

            int count = (int)Math.Min(end - offset, s_zeroes.Length - (offset % s_zeroes.Length));
            await WriteCoreAsync(s_zeroes.AsMemory(0, count), offset, mode, cancellationToken).ConfigureAwait(false);
            offset += count;
        }
    }

    // Order: blocks, map; a barrier; the header, without which the file is no image.
    protected override async ValueTask CompleteCoreAsync(IoMode mode, CancellationToken cancellationToken)
    {
        uint allocated = _options.IsStatic ? _map.Count : _allocated;
        _sink.SetLength(_dataOffset + (allocated * (long)_blockSize));
        await WriteMapAsync(mode, cancellationToken).ConfigureAwait(false);
        await _sink.FlushAsync(mode, cancellationToken).ConfigureAwait(false);
        byte[] header = new byte[VdiHeader.Size];
        Header(allocated).WriteTo(header);
        await _sink.WriteAsync(header, 0, mode, cancellationToken).ConfigureAwait(false);
        await _sink.CompleteAsync(mode, cancellationToken).ConfigureAwait(false);
    }

    protected override void Dispose(bool disposing)
    {
        _sink.Dispose();
        base.Dispose(disposing);
    }

    private static void Validate(long length, VdiOptions options)
    {
        if (options.Parent is not null)
        {
            throw new ArgumentException("A VDI with a parent cannot be written.", nameof(options));
        }

        if (!System.Numerics.BitOperations.IsPow2(options.BlockSize) || options.BlockSize is < (64 << 10) or > (256 << 20))
        {
            throw new ArgumentException($"The block size {options.BlockSize} is not a power of two from 64 KiB to 256 MiB.", nameof(options));
        }

        // The place of the data is a 32-bit field, and the map lies in front of it.
        long limit = ((uint.MaxValue - (2 * VdiHeader.Size)) / sizeof(uint)) * (long)options.BlockSize;
        if (length > limit)
        {
            throw new ArgumentException($"A VDI with blocks of {options.BlockSize} bytes holds at most {limit} bytes; the disk has {length}.", nameof(length));
        }
    }

    private VdiHeader Header(uint allocated) => new()
    {
        Creator = "<<< CloudImage.Sdk VDI disk image >>>\n",
        Type = _options.IsStatic ? VdiConstants.TypeStatic : VdiConstants.TypeDynamic,
        MapOffset = VdiHeader.Size,
        DataOffset = (uint)_dataOffset,
        DiskSize = (ulong)Length,
        BlockSize = (uint)_blockSize,
        BlockCount = _map.Count,
        AllocatedCount = allocated,
        Id = _options.Id ?? Guid.NewGuid(),
        ModificationId = Guid.NewGuid(),
    };

    /// <summary>Finds or gives a place to every block of a segment; a block that gets zeros alone needs none.</summary>
    private void Assign(ReadOnlySpan<byte> bytes, long offset, Span<uint> entries)
    {
        ulong zero = FindZeroParts(bytes, offset);
        long block = offset / _blockSize;
        int count = (int)(((offset + bytes.Length - 1) / _blockSize) - block) + 1;
        lock (_lock)
        {
            for (int i = 0; i < count; i++)
            {
                uint entry = _map.Get(block + i);
                if (entry == VdiConstants.Unallocated && (zero >> i & 1) == 0)
                {
                    entry = _allocated++;
                    _map.Set(block + i, entry);
                }

                entries[i] = entry;
            }
        }
    }

    private ulong FindZeroParts(ReadOnlySpan<byte> bytes, long offset)
    {
        ulong zero = 0;
        int at = 0;
        for (int i = 0; at < bytes.Length; i++)
        {
            int count = (int)Math.Min(bytes.Length - at, _blockSize - ((offset + at) % _blockSize));
            zero |= bytes.Slice(at, count).ContainsAnyExcept((byte)0) ? 0 : 1UL << i;
            at += count;
        }

        return zero;
    }

    private async ValueTask WriteRunsAsync(ReadOnlyMemory<byte> buffer, long offset, uint[] entries, IoMode mode, CancellationToken cancellationToken)
    {
        long firstBlock = offset / _blockSize;
        for (int at = 0; at < buffer.Length;)
        {
            long position = offset + at;
            int index = (int)((position / _blockSize) - firstBlock);
            int end = (int)Math.Min(buffer.Length, at + _blockSize - (position % _blockSize));
            if (entries[index] != VdiConstants.Unallocated)
            {
                for (int next = index + 1; end < buffer.Length && entries[next] == entries[next - 1] + 1; next++)
                {
                    end = (int)Math.Min(buffer.Length, (long)end + _blockSize);
                }

                long fileOffset = _dataOffset + (entries[index] * (long)_blockSize) + (position % _blockSize);
                await _sink.WriteAsync(buffer[at..end], fileOffset, mode, cancellationToken).ConfigureAwait(false);
            }

            at = end;
        }
    }

    private async ValueTask WriteMapAsync(IoMode mode, CancellationToken cancellationToken)
    {
        byte[] bytes = new byte[VdiBlockMap.EntriesPerPage * sizeof(uint)];
        for (long first = 0; first < _map.Count; first += VdiBlockMap.EntriesPerPage)
        {
            int count = (int)Math.Min(VdiBlockMap.EntriesPerPage, _map.Count - first);
            for (int i = 0; i < count; i++)
            {
                uint entry = _options.IsStatic ? (uint)(first + i) : _map.Get(first + i);
                BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(i * sizeof(uint)), entry);
            }

            await _sink.WriteAsync(bytes.AsMemory(0, count * sizeof(uint)), VdiHeader.Size + (first * sizeof(uint)), mode, cancellationToken).ConfigureAwait(false);
        }
    }
}
