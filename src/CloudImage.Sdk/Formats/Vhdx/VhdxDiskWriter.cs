using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vhdx;

/// <summary>Writes a fixed, dynamic or differencing disk.</summary>
/// <remarks>
/// Header, log, metadata and block table have their places from the start; blocks get theirs in order of their first
/// write, and data goes there at once, from any number of threads. All else is written once, at the end, without the
/// log: until then nothing is published.
/// </remarks>
internal sealed class VhdxDiskWriter : DiskWriter
{
    private const int ZeroLength = 65536;

    /// <summary>Zeros within a stored block that are not written stay a hole in the file.</summary>
    private const int SparseLength = 65536;

    private const int TablePageEntries = 8192;
    private const string Creator = "CloudImage.Sdk";
    private static readonly byte[] s_zeroes = new byte[ZeroLength];
    private readonly ImageSink _sink;
    private readonly VhdxOptions _options;
    private readonly VhdxBatLayout _layout;
    private readonly int _blockSize;
    private readonly byte[] _metadata;
    private readonly VhdxRegion _metadataRegion;
    private readonly VhdxRegion _batRegion;
    private readonly VhdxBlockTable _blocks;
    private readonly SectorCoverage? _coverage;

    public VhdxDiskWriter(ImageSink sink, long length, VhdxOptions options)
    {
        _sink = sink;
        _options = options;
        Length = length;
        _blockSize = options.BlockSizeFor(length);
        _layout = new VhdxBatLayout(length, _blockSize, options.LogicalSectorSize, options.Parent is not null);
        byte[]? locator = options.Parent is { } parent ? VhdxParentLocator.ToArray(parent) : null;
        _metadata = VhdxMetadata.ToArray(_blockSize, options.Variant == VhdxVariant.Fixed, length, options.LogicalSectorSize, options.PhysicalSectorSize, options.DiskId ?? Guid.NewGuid(), locator);
        long metadataOffset = VhdxConstants.MiB + (long)options.LogSize;
        _metadataRegion = new VhdxRegion(VhdxConstants.MetadataRegion, metadataOffset, VhdxConstants.Align(_metadata.Length, VhdxConstants.MiB), true);
        _batRegion = new VhdxRegion(VhdxConstants.BatRegion, _metadataRegion.End, VhdxConstants.Align(Math.Max(1, _layout.EntryCount * 8), VhdxConstants.MiB), true);
        _blocks = new VhdxBlockTable(_layout.BlockCount, _blockSize, _batRegion.End, options.Variant == VhdxVariant.Fixed);
        _coverage = locator is null ? null : new SectorCoverage(length, options.LogicalSectorSize, _blockSize);
    }

    public override long Length { get; }

    public override int PreferredBlockSize => Math.Min(_blockSize, 4 * VhdxConstants.MiB);

    // An overlay takes whole blocks where it can: those need no sector bitmap.
    public override int SparseBlockSize => _coverage is null ? SparseLength : Math.Min(_blockSize, VhdxConstants.MiB);

    protected override async ValueTask WriteCoreAsync(ReadOnlyMemory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        while (!buffer.IsEmpty)
        {
            int count = TakeRun(buffer.Span, offset, out long fileOffset);
            if (fileOffset >= 0)
            {
                await _sink.WriteAsync(buffer[..count], fileOffset, mode, cancellationToken).ConfigureAwait(false);
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
            long block = offset / _blockSize;
            long inBlock = offset % _blockSize;
            long count = Math.Min(end - offset, _blockSize - inBlock);
            bool isWhole = inBlock == 0 && (count == _blockSize || offset + count == Length);
            int unit = _blocks[block];
            if (unit <= 0 && (_coverage is null || unit == VhdxBlockTable.Zero || (isWhole && _blocks.TrySetZero(block))))
            {
                offset += count;
                continue;
            }

            (unit, int before) = Allocate(block);
            if (before > 0)
            {
                await ClearAsync(((long)unit * VhdxConstants.MiB) + inBlock, count, mode, cancellationToken).ConfigureAwait(false);
            }

            _coverage?.Add(offset, count);
            offset += count;
        }
    }

    protected override async ValueTask CompleteCoreAsync(IoMode mode, CancellationToken cancellationToken)
    {
        _coverage?.ThrowIfTorn();
        Dictionary<long, long> bitmaps = await WriteBitmapsAsync(mode, cancellationToken).ConfigureAwait(false);
        await WriteTableAsync(bitmaps, mode, cancellationToken).ConfigureAwait(false);
        await _sink.WriteAsync(_metadata, _metadataRegion.FileOffset, mode, cancellationToken).ConfigureAwait(false);

        byte[] regions = VhdxRegionTable.ToArray([_batRegion, _metadataRegion]);
        await _sink.WriteAsync(regions, VhdxConstants.RegionTable1Offset, mode, cancellationToken).ConfigureAwait(false);
        await _sink.WriteAsync(regions, VhdxConstants.RegionTable2Offset, mode, cancellationToken).ConfigureAwait(false);
        await WriteHeadersAsync(mode, cancellationToken).ConfigureAwait(false);
        _sink.SetLength(_blocks.End + (bitmaps.Count * (long)VhdxConstants.MiB));
        await _sink.CompleteAsync(mode, cancellationToken).ConfigureAwait(false);
    }

    protected override void Dispose(bool disposing)
    {
        _sink.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>The longest beginning of a write that goes to one place, or that is zeros and goes nowhere.</summary>
    private int TakeRun(ReadOnlySpan<byte> buffer, long offset, out long fileOffset)
    {
        int taken = 0;
        fileOffset = -1;
        while (taken < buffer.Length)
        {
            long block = (offset + taken) / _blockSize;
            int inBlock = (int)((offset + taken) % _blockSize);
            int count = Math.Min(buffer.Length - taken, _blockSize - inBlock);
            int unit = _blocks[block];
            if (unit <= 0 && _coverage is null && ZeroDetector.IsZero(buffer.Slice(taken, count)))
            {
                if (fileOffset >= 0)
                {
                    return taken;
                }

                taken += count;
                continue;
            }

            if (taken > 0 && fileOffset < 0)
            {
                return taken;
            }

            // Blocks that are allocated one after another mostly lie so in the file, and are then one write.
            long place = ((long)Allocate(block).Unit * VhdxConstants.MiB) + inBlock;
            if (taken > 0 && place != fileOffset + taken)
            {
                return taken;
            }

            fileOffset = taken == 0 ? place : fileOffset;
            taken += count;
        }

        return taken;
    }

    private (int Unit, int Before) Allocate(long block)
    {
        (int unit, int before) = _blocks.Allocate(block);
        if (before == VhdxBlockTable.Zero && _coverage is not null)
        {
            // The whole block was zero before: what is not overwritten stays so, and hides the parent.
            long start = block * _blockSize;
            _coverage.Add(start, Math.Min(_blockSize, Length - start));
        }

        return (unit, before);
    }

    private async ValueTask ClearAsync(long fileOffset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        for (long done = 0; done < length;)
        {
            int step = (int)Math.Min(ZeroLength, length - done);
            await _sink.WriteAsync(s_zeroes.AsMemory(0, step), fileOffset + done, mode, cancellationToken).ConfigureAwait(false);
            done += step;
        }
    }

    /// <summary>Writes a sector bitmap for each chunk in which a block is partially present, behind the blocks.</summary>
    private async ValueTask<Dictionary<long, long>> WriteBitmapsAsync(IoMode mode, CancellationToken cancellationToken)
    {
        Dictionary<long, long> places = [];
        if (_coverage is null)
        {
            return places;
        }

        byte[] bits = new byte[_blockSize / _options.LogicalSectorSize / 8];
        long fileOffset = _blocks.End;
        for (long block = 0; block < _layout.BlockCount; block++)
        {
            if (_blocks[block] <= 0)
            {
                continue;
            }

            long chunk = block / _layout.ChunkRatio;
            if (!_coverage.IsFull(block) && places.TryAdd(chunk, fileOffset))
            {
                fileOffset += VhdxConstants.MiB;
            }
        }

        foreach ((long chunk, long place) in places)
        {
            long first = chunk * _layout.ChunkRatio;
            for (long block = first; block < Math.Min(first + _layout.ChunkRatio, _layout.BlockCount); block++)
            {
                if (_blocks[block] > 0)
                {
                    _coverage.CopyTo(block, bits);
                    await _sink.WriteAsync(bits, place + ((block - first) * bits.Length), mode, cancellationToken).ConfigureAwait(false);
                }
            }
        }

        return places;
    }

    private async ValueTask WriteTableAsync(Dictionary<long, long> bitmaps, IoMode mode, CancellationToken cancellationToken)
    {
        byte[] page = new byte[TablePageEntries * 8];
        for (long first = 0; first < _layout.EntryCount; first += TablePageEntries)
        {
            int count = (int)Math.Min(TablePageEntries, _layout.EntryCount - first);
            bool isZero = true;
            for (int index = 0; index < count; index++)
            {
                ulong entry = EntryAt(first + index, bitmaps);
                isZero &= entry == 0;
                BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan(index * 8), entry);
            }

            if (!isZero)
            {
                await _sink.WriteAsync(page.AsMemory(0, count * 8), _batRegion.FileOffset + (first * 8), mode, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private ulong EntryAt(long entry, Dictionary<long, long> bitmaps)
    {
        long chunk = entry / (_layout.ChunkRatio + 1);
        if (_layout.IsBitmapEntry(entry))
        {
            return bitmaps.TryGetValue(chunk, out long place) ? (ulong)place | (ulong)VhdxBlockState.FullyPresent : 0;
        }

        long block = entry - chunk;
        if (block >= _layout.BlockCount)
        {
            return 0;
        }

        int unit = _blocks[block];
        if (unit > 0)
        {
            VhdxBlockState state = _coverage is null || _coverage.IsFull(block) ? VhdxBlockState.FullyPresent : VhdxBlockState.PartiallyPresent;
            return ((ulong)unit << 20) | (ulong)state;
        }

        bool isZero = unit == VhdxBlockTable.Zero || (_coverage is null && _options.UseZeroBlockState);
        return isZero ? (ulong)VhdxBlockState.Zero : (ulong)VhdxBlockState.NotPresent;
    }

    private async ValueTask WriteHeadersAsync(IoMode mode, CancellationToken cancellationToken)
    {
        VhdxHeader first = new()
        {
            SequenceNumber = 1,
            FileWriteId = Guid.NewGuid(),
            DataWriteId = _options.DataWriteId ?? Guid.NewGuid(),
            LogLength = (uint)_options.LogSize,
            LogOffset = VhdxConstants.MiB,
            FileOffset = VhdxConstants.Header1Offset,
        };
        VhdxHeader second = first.Next(first.FileWriteId, first.DataWriteId, Guid.Empty);
        await _sink.WriteAsync(first.ToArray(), first.FileOffset, mode, cancellationToken).ConfigureAwait(false);
        await _sink.WriteAsync(second.ToArray(), second.FileOffset, mode, cancellationToken).ConfigureAwait(false);

        byte[] identifier = new byte[8 + VhdxConstants.CreatorLength];
        VhdxConstants.FileSignature.CopyTo(identifier);
        Encoding.Unicode.GetBytes(Creator, identifier.AsSpan(8));
        await _sink.WriteAsync(identifier, 0, mode, cancellationToken).ConfigureAwait(false);
    }
}
