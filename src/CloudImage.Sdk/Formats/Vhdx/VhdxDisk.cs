using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Globalization;
using System.Numerics;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vhdx;

/// <summary>Reads a fixed, dynamic or differencing VHDX image. The file is never written: a log is replayed in memory.</summary>
/// <remarks>Block table and sector bitmaps are read when they are needed and kept in bounded caches.</remarks>
internal sealed class VhdxDisk : MappedDisk
{
    private const int PageSize = 65536;
    private const int EntryLength = 8;
    private const ulong OffsetMask = 0xFFFFFFFFFFF00000;
    private readonly VhdxImage _image;
    private readonly DiskOpenOptions _options;
    private readonly VirtualDisk _container;
    private readonly TablePageCache _table;
    private readonly TablePageCache? _bitmaps;
    private readonly VhdxBatLayout _layout;
    private readonly bool _hasParent;

    public VhdxDisk(VhdxImage image, DiskOpenOptions options)
    {
        _image = image;
        _options = options;
        _container = image.Container;
        _layout = image.Layout;
        _hasParent = image.Metadata.HasParent;
        Info = Describe(image);
        long memory = Math.Min(options.Limits.MaxMetadataMemory / 2, 32 << 20);
        _table = new TablePageCache(_container, PageSize, memory);
        _bitmaps = _hasParent ? new TablePageCache(_container, PageSize, memory) : null;
    }

    public override DiskInfo Info { get; }

    public override long Length => _image.Metadata.Length;

    public override bool IsLocal => _container.IsLocal;

    protected override bool HasMissingParent => _hasParent && !_options.IgnoreMissingParent;

    protected override ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        byte[]? page = _table.Find(EntryOffset(offset / _layout.BlockSize));
        return page is not null && !_hasParent
            ? ValueTask.FromResult(LocateInTable(page, offset, length, out _))
            : LocateSlowAsync(offset, length, mode, cancellationToken);
    }

    protected override void Dispose(bool disposing)
    {
        if (!_options.LeaveOpen)
        {
            _container.Dispose();
        }

        base.Dispose(disposing);
    }

    private static DiskInfo Describe(VhdxImage image)
    {
        VhdxMetadata metadata = image.Metadata;
        Dictionary<string, string> details = new(StringComparer.Ordinal)
        {
            ["diskId"] = metadata.DiskId.ToString(),
            ["dataWriteId"] = image.Header.DataWriteId.ToString(),
            ["fileWriteId"] = image.Header.FileWriteId.ToString(),
            ["logEntriesToReplay"] = image.ReplayedEntries.Count.ToString(CultureInfo.InvariantCulture),
        };
        if (image.Recovery is not null)
        {
            details["recovery"] = image.Recovery;
        }

        return new DiskInfo
        {
            FormatName = VhdxConstants.FormatName,
            Variant = metadata.HasParent ? "differencing" : metadata.LeavesBlocksAllocated ? "fixed" : "dynamic",
            VirtualSize = metadata.Length,
            ContainerLength = image.FileLength,
            AllocationUnitSize = metadata.BlockSize,
            LogicalSectorSize = metadata.LogicalSectorSize,
            PhysicalSectorSize = metadata.PhysicalSectorSize,
            Creator = image.Creator,
            LinkageId = image.Header.DataWriteId.ToString(),
            References = metadata.Parent is { } parent ? [ParentOf(parent)] : [],
            IsDirty = image.ReplayedEntries.Count > 0 || image.Recovery is not null,
            Details = details,
        };
    }

    private static DiskReference ParentOf(VhdxParentLocator parent) =>
        new(DiskReferenceKind.Parent, parent.Paths.Count > 0 ? parent.Paths[0] : string.Empty)
        {
            AlternativeNames = parent.Paths.Count > 1 ? [.. ((List<string>)parent.Paths)[1..]] : [],
            FormatName = VhdxConstants.FormatName,
            LinkageId = parent.Linkage.ToString(),
        };

    private async ValueTask<DiskPlacement> LocateSlowAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        byte[] page = await _table.ReadAsync(EntryOffset(offset / _layout.BlockSize), mode, cancellationToken).ConfigureAwait(false);
        DiskPlacement placement = LocateInTable(page, offset, length, out bool isPartial);
        return isPartial
            ? await LocateInBitmapAsync(placement, mode, cancellationToken).ConfigureAwait(false)
            : placement;
    }

    private async ValueTask<DiskPlacement> LocateInBitmapAsync(DiskPlacement placement, IoMode mode, CancellationToken cancellationToken)
    {
        long offset = placement.Offset;
        long block = offset / _layout.BlockSize;
        long entryOffset = _image.BatRegion.FileOffset + (_layout.BitmapEntryOf(block) * EntryLength);
        byte[] page = await _table.ReadAsync(entryOffset, mode, cancellationToken).ConfigureAwait(false);
        ulong entry = BinaryPrimitives.ReadUInt64LittleEndian(page.AsSpan(_table.OffsetInPage(entryOffset)));
        long bitmapOffset = (long)(entry & OffsetMask);
        if ((VhdxBlockState)(entry & 7) != VhdxBlockState.FullyPresent || bitmapOffset <= 0 || bitmapOffset > _container.Length - VhdxConstants.MiB)
        {
            throw VhdxImage.Fault(entryOffset, $"block {block} is partially present, and its sector bitmap is not: the entry is 0x{entry:x16} in a file of {_container.Length} bytes.");
        }

        int sectorSize = _image.Metadata.LogicalSectorSize;
        long sector = offset / sectorSize % VhdxConstants.SectorsInChunk;
        long byteOffset = bitmapOffset + (sector >> 3);
        byte[] bitmap = await _bitmaps!.ReadAsync(byteOffset, mode, cancellationToken).ConfigureAwait(false);
        int run = CountRun(bitmap.AsSpan(_bitmaps.OffsetInPage(byteOffset)), (int)(sector & 7), out bool isChild);
        long runLength = ((long)run * sectorSize) - (offset % sectorSize);
        return isChild
            ? placement.Limit(runLength)
            : new DiskPlacement(offset, Math.Min(placement.Length, runLength), DiskExtentKind.Unmapped);
    }

    /// <summary>Counts equal bits, the lowest bit of a byte first, from a bit of the first byte on.</summary>
    private static int CountRun(ReadOnlySpan<byte> bits, int first, out bool value)
    {
        value = (bits[0] & (1 << first)) != 0;
        byte flip = value ? (byte)0xFF : (byte)0;
        int run = Math.Min(8 - first, BitOperations.TrailingZeroCount((uint)(bits[0] ^ flip) >> first));
        if (run < 8 - first)
        {
            return run;
        }

        int next = bits[1..].IndexOfAnyExcept(flip);
        return next < 0
            ? run + ((bits.Length - 1) * 8)
            : run + (next * 8) + BitOperations.TrailingZeroCount((uint)(bits[1 + next] ^ flip));
    }

    private DiskPlacement LocateInTable(byte[] page, long offset, long length, out bool isPartial)
    {
        long blockSize = _layout.BlockSize;
        long block = offset / blockSize;
        long inBlock = offset % blockSize;
        ulong entry = ReadEntry(page, block);
        VhdxBlockState state = (VhdxBlockState)(entry & 7);
        isPartial = state == VhdxBlockState.PartiallyPresent;
        DiskExtentKind kind = KindOf(state, block, entry);
        long end = offset + length;
        long reached = (block + 1) * blockSize;
        long fileOffset = (long)(entry & OffsetMask);
        if (kind == DiskExtentKind.Data && (fileOffset <= 0 || fileOffset >= _container.Length - inBlock))
        {
            throw VhdxImage.Fault(EntryOffset(block), $"the table places block {block} at {fileOffset}, which is not behind the header and within the file of {_container.Length} bytes.");
        }

        // Blocks of one kind that follow one another, in the file too where they are stored, are one answer.
        for (long next = block + 1; reached < end && !isPartial && IsInPage(block, next); next++)
        {
            ulong following = ReadEntry(page, next);
            VhdxBlockState nextState = (VhdxBlockState)(following & 7);
            bool joins = kind == DiskExtentKind.Data
                ? nextState == state && (long)(following & OffsetMask) == fileOffset + ((next - block) * blockSize) && (long)(following & OffsetMask) < _container.Length
                : nextState == state;
            if (!joins)
            {
                break;
            }

            reached += blockSize;
        }

        long count = Math.Min(end, reached) - offset;
        return kind == DiskExtentKind.Data
            ? new DiskPlacement(offset, count, kind, fileOffset + inBlock, _container, 0, false, 0)
            : new DiskPlacement(offset, count, kind);
    }

    private DiskExtentKind KindOf(VhdxBlockState state, long block, ulong entry)
    {
        switch (state)
        {
            case VhdxBlockState.FullyPresent:
            case VhdxBlockState.PartiallyPresent when _hasParent:
                return DiskExtentKind.Data;
            case VhdxBlockState.NotPresent:
                return DiskExtentKind.Unmapped;
            case VhdxBlockState.Undefined:
            case VhdxBlockState.Zero:
            case VhdxBlockState.Unmapped:
            case VhdxBlockState.UnmappedDraft:
                return DiskExtentKind.Zero;
            default:
                throw VhdxImage.Fault(EntryOffset(block), $"block {block} has the state {(int)state} (entry 0x{entry:x16}), which {(_hasParent ? "is not known" : "a disk without a parent cannot have")}.");
        }
    }

    private ulong ReadEntry(byte[] page, long block) =>
        BinaryPrimitives.ReadUInt64LittleEndian(page.AsSpan(_table.OffsetInPage(EntryOffset(block))));

    private bool IsInPage(long block, long next) =>
        next < _layout.BlockCount && EntryOffset(next) / PageSize == EntryOffset(block) / PageSize;

    private long EntryOffset(long block) => _image.BatRegion.FileOffset + (_layout.EntryOf(block) * EntryLength);
}
