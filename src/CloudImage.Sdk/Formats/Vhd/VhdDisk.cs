using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Numerics;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vhd;

/// <summary>Reads a fixed, dynamic or differencing VHD image.</summary>
/// <remarks>
/// The block table and, of differencing images, the sector bitmaps are read when they are needed and kept in bounded
/// caches. The bitmaps of a dynamic image say nothing that the data does not, and are not read.
/// </remarks>
internal sealed class VhdDisk : MappedDisk
{
    private const int TablePageSize = 65536;
    private const int BitmapPageSize = 4096;
    private readonly VirtualDisk _container;
    private readonly VhdImage _image;
    private readonly DiskOpenOptions _options;
    private readonly TablePageCache? _table;
    private readonly TablePageCache? _bitmaps;

    public VhdDisk(VirtualDisk container, VhdImage image, DiskOpenOptions options)
    {
        _container = container;
        _image = image;
        _options = options;
        Info = Describe(image);
        if (image.Header is not null)
        {
            long memory = Math.Min(options.Limits.MaxMetadataMemory / 2, 32 << 20);
            _table = new TablePageCache(container, TablePageSize, memory);
            _bitmaps = image.IsDifferencing ? new TablePageCache(container, BitmapPageSize, memory) : null;
        }
    }

    public override DiskInfo Info { get; }

    public override long Length => _image.Length;

    public override bool IsLocal => _container.IsLocal;

    protected override bool HasMissingParent => _image.IsDifferencing && !_options.IgnoreMissingParent;

    protected override ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        if (_table is null)
        {
            return LocateFixedAsync(offset, length, mode, cancellationToken);
        }

        byte[]? page = _table.Find(EntryOffset(offset / _image.BlockSize));
        return page is not null && _bitmaps is null
            ? ValueTask.FromResult(LocateInTable(page, offset, length))
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

    private static DiskInfo Describe(VhdImage image)
    {
        VhdFooter footer = image.Footer;
        Dictionary<string, string> details = new(StringComparer.Ordinal)
        {
            ["uniqueId"] = footer.UniqueId.ToString(),
            ["originalSize"] = footer.OriginalSize.ToString(CultureInfo.InvariantCulture),
            ["currentSize"] = footer.CurrentSize.ToString(CultureInfo.InvariantCulture),
            ["geometrySize"] = (footer.Geometry.TotalSectors * VhdConstants.SectorSize).ToString(CultureInfo.InvariantCulture),
            ["timestamp"] = new DateTime(2000, 1, 1, 0, 0, 0, DateTimeKind.Utc).AddSeconds(footer.Timestamp).ToString("o", CultureInfo.InvariantCulture),
        };
        if (image.Recovery is not null)
        {
            details["recovery"] = image.Recovery;
        }

        return new DiskInfo
        {
            FormatName = VhdConstants.FormatName,
            Variant = footer.Type switch { VhdDiskType.Fixed => "fixed", VhdDiskType.Dynamic => "dynamic", _ => "differencing" },
            VirtualSize = image.Length,
            ContainerLength = image.FileLength,
            AllocationUnitSize = image.Header is null ? 0 : image.BlockSize,
            Creator = $"{footer.CreatorApplication.TrimEnd(' ', '\0')} {footer.CreatorVersion >> 16}.{footer.CreatorVersion & 0xFFFF}",
            LinkageId = footer.UniqueId.ToString(),
            References = image.IsDifferencing ? [ParentOf(image)] : [],
            IsDirty = image.Recovery is not null,
            Details = details,
        };
    }

    private static DiskReference ParentOf(VhdImage image) =>
        new(DiskReferenceKind.Parent, image.ParentNames.Count > 0 ? image.ParentNames[0] : string.Empty)
        {
            AlternativeNames = image.ParentNames.Count > 1 ? [.. ((List<string>)image.ParentNames)[1..]] : [],
            FormatName = VhdConstants.FormatName,
            LinkageId = image.Header!.ParentId.ToString(),
        };

    // The disk lies in the container byte for byte, so what the container knows of holes holds for it too.
    private async ValueTask<DiskPlacement> LocateFixedAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        if (offset >= _container.Length)
        {
            return new DiskPlacement(offset, length, DiskExtentKind.Zero);
        }

        DiskPlacement below = await _container.LocateAsync(offset, Math.Min(length, _container.Length - offset), mode, cancellationToken).ConfigureAwait(false);
        return below.Kind == DiskExtentKind.Zero
            ? new DiskPlacement(offset, below.Length, DiskExtentKind.Zero)
            : Data(offset, below.Length, offset);
    }

    private async ValueTask<DiskPlacement> LocateSlowAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        byte[] page = await _table!.ReadAsync(EntryOffset(offset / _image.BlockSize), mode, cancellationToken).ConfigureAwait(false);
        DiskPlacement placement = LocateInTable(page, offset, length);
        if (_bitmaps is null || placement.Kind != DiskExtentKind.Data)
        {
            return placement;
        }

        int sector = (int)(offset % _image.BlockSize / VhdConstants.SectorSize);
        long blockOffset = placement.ContainerOffset - (offset % _image.BlockSize) - _image.BitmapLength;
        long byteOffset = blockOffset + (sector >> 3);
        byte[] bitmap = await _bitmaps.ReadAsync(byteOffset, mode, cancellationToken).ConfigureAwait(false);
        int inPage = _bitmaps.OffsetInPage(byteOffset);
        int inBitmap = ((_image.BlockSize / VhdConstants.SectorSize) + 7) / 8;
        ReadOnlySpan<byte> bits = bitmap.AsSpan(inPage, Math.Min(bitmap.Length - inPage, inBitmap - (sector >> 3)));
        int run = CountRun(bits, sector & 7, out bool isChild);
        long runLength = ((long)run * VhdConstants.SectorSize) - (offset % VhdConstants.SectorSize);
        return isChild
            ? placement.Limit(runLength)
            : new DiskPlacement(offset, Math.Min(placement.Length, runLength), DiskExtentKind.Unmapped);
    }

    /// <summary>Counts equal bits, the highest bit of a byte first, from a bit of the first byte on.</summary>
    private static int CountRun(ReadOnlySpan<byte> bits, int first, out bool value)
    {
        value = (bits[0] & (0x80 >> first)) != 0;
        byte flip = value ? (byte)0xFF : (byte)0;
        int run = CountLeadingZeroes((byte)((bits[0] ^ flip) << first), 8 - first);
        if (run < 8 - first)
        {
            return run;
        }

        int next = bits[1..].IndexOfAnyExcept(flip);
        if (next < 0)
        {
            return run + ((bits.Length - 1) * 8);
        }

        return run + (next * 8) + CountLeadingZeroes((byte)(bits[1 + next] ^ flip), 8);
    }

    private static int CountLeadingZeroes(byte value, int limit) => Math.Min(limit, BitOperations.LeadingZeroCount((uint)value << 24));

    private DiskPlacement LocateInTable(byte[] page, long offset, long length)
    {
        int blockSize = _image.BlockSize;
        long block = offset / blockSize;
        int index = _table!.OffsetInPage(EntryOffset(block));
        uint entry = BinaryPrimitives.ReadUInt32BigEndian(page.AsSpan(index));
        int inBlock = (int)(offset % blockSize);
        if (entry != VhdConstants.UnallocatedEntry)
        {
            long blockOffset = (long)entry * VhdConstants.SectorSize;
            if (blockOffset + _image.BitmapLength + inBlock >= _image.FileLength)
            {
                throw VhdImage.Fault(EntryOffset(block), $"the table places block {block} at {blockOffset}, behind the end of the file at {_image.FileLength}.");
            }

            return Data(offset, Math.Min(length, blockSize - inBlock), blockOffset + _image.BitmapLength + inBlock);
        }

        // All blocks that the page says are missing are one answer.
        long end = offset + length;
        long reached = (block + 1) * blockSize;
        for (index += 4; reached < end && index < page.Length && BinaryPrimitives.ReadUInt32BigEndian(page.AsSpan(index)) == VhdConstants.UnallocatedEntry; index += 4)
        {
            reached += blockSize;
        }

        return new DiskPlacement(offset, Math.Min(end, reached) - offset, DiskExtentKind.Unmapped);
    }

    private DiskPlacement Data(long offset, long length, long fileOffset) => new(offset, length, DiskExtentKind.Data, fileOffset, _container, 0, false, 0);

    private long EntryOffset(long block)
    {
        Debug.Assert(block < _image.BlockCount);
        return _image.TableOffset + (block * 4);
    }
}
