using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Threading;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vhdx;

/// <summary>Changes the length of a fixed or dynamic disk in place; whatever a reader can see changes through the log.</summary>
internal sealed class VhdxResizer
{
    private const int PageSize = VhdxConstants.LogSectorSize;
    private const int CopyLength = 1 << 20;
    private const ulong OffsetMask = 0xFFFFFFFFFFF00000;
    private readonly ImageEditor _editor;
    private readonly VhdxImage _image;
    private readonly VhdxBatLayout _layout;
    private readonly long _length;
    private readonly SortedDictionary<long, byte[]> _pages = [];

    // The page that was looked at last and needed no change: tables are gone through entry by entry.
    private long _unchangedOffset = -1;
    private byte[] _unchangedPage = [];

    private VhdxResizer(ImageEditor editor, VhdxImage image, long length)
    {
        _editor = editor;
        _image = image;
        _length = length;
        _layout = new VhdxBatLayout(length, image.Metadata.BlockSize, image.Metadata.LogicalSectorSize, false);
    }

    public static void Resize(ImageEditor editor, long length, DiskResizeOptions options)
    {
        using EditorDisk container = new(editor);
        DiskOpenOptions open = new() { LeaveOpen = true, Limits = options.Limits };
        VhdxImage image = Load(container, open);
        VhdxMetadata metadata = image.Metadata;
        if (metadata.HasParent)
        {
            throw new InvalidOperationException("A differencing VHDX cannot be resized by itself. Flatten the chain into a new image and resize that.");
        }

        if (length % metadata.LogicalSectorSize != 0 || length > VhdxConstants.MaxLength)
        {
            throw new InvalidOperationException($"The disk has whole sectors of {metadata.LogicalSectorSize} bytes and at most 64 TiB; {length} bytes were asked for.");
        }

        if (length < metadata.Length && !options.AllowDataLoss)
        {
            RefuseToLoseData(image, open, length);
        }

        if (image.ReplayedEntries.Count > 0)
        {
            VhdxLogReplayer.Replay(editor, image.Header, image.ReplayedEntries);
            image = Load(container, open);
        }

        VhdxResizer resizer = new(editor, image, length);
        if (length > metadata.Length)
        {
            resizer.Grow();
        }
        else if (length < metadata.Length)
        {
            resizer.Shrink();
        }
    }

    private static VhdxImage Load(VirtualDisk container, DiskOpenOptions options) =>
        SyncBridge.Completed(VhdxImage.LoadAsync(container, options, IoMode.Synchronous, CancellationToken.None));

    private static void RefuseToLoseData(VhdxImage image, DiskOpenOptions options, long length)
    {
        using VhdxDisk disk = new(image, options);
        byte[] buffer = new byte[CopyLength];
        foreach (DiskExtent extent in disk.GetExtents(length, disk.Length - length))
        {
            for (long offset = extent.Offset; extent.Kind == DiskExtentKind.Data && offset < extent.End;)
            {
                int count = disk.Read(buffer.AsSpan(0, (int)Math.Min(buffer.Length, extent.End - offset)), offset);
                int index = ZeroDetector.IndexOfNonZero(buffer.AsSpan(0, count));
                if (index >= 0)
                {
                    throw new InvalidOperationException($"The disk holds data at {offset + index}, behind its new end at {length}. Allow data loss to cut it off.");
                }

                offset += count;
            }
        }
    }

    private void Grow()
    {
        VhdxLogWriter log = new(_editor, _image.Header);
        Guid dataWriteId = Guid.NewGuid();
        ClearTailOfLastBlock();
        if (_layout.EntryCount * 8 <= _image.BatRegion.Length)
        {
            // Entries behind the old end are read by nobody until the length changes: what they hold goes first.
            FillEntries(_image.BatRegion.FileOffset, log, dataWriteId);
        }
        else
        {
            MoveTable();
        }

        SetLengthItem();
        log.Commit(TakePages(), dataWriteId);
        log.Close();
    }

    private void Shrink()
    {
        VhdxLogWriter log = new(_editor, _image.Header);
        Guid dataWriteId = Guid.NewGuid();
        SetLengthItem();
        log.Commit(TakePages(), dataWriteId);
        for (long entry = _layout.EntryCount; entry < _image.Layout.EntryCount; entry++)
        {
            SetEntry(_image.BatRegion.FileOffset, entry, 0);
            CommitWhenFull(log, dataWriteId);
        }

        if (_pages.Count > 0)
        {
            log.Commit(TakePages(), dataWriteId);
        }

        // A log that is to be replayed says how long the file must be: it is emptied before the file is cut.
        log.Close();
        long end = EndOfUse();
        if (end < _editor.Length)
        {
            _editor.SetLength(end);
            _editor.Flush();
        }
    }

    /// <summary>What a block holds behind the old end of the disk was never visible, and need not be zero.</summary>
    private void ClearTailOfLastBlock()
    {
        long inBlock = _image.Metadata.Length % _layout.BlockSize;
        if (inBlock == 0)
        {
            return;
        }

        ulong entry = ReadEntry(_image.Layout.BlockCount - 1);
        long data = (long)(entry & OffsetMask);
        if ((VhdxBlockState)(entry & 7) != VhdxBlockState.FullyPresent)
        {
            return;
        }

        byte[] zeroes = new byte[(int)Math.Min(CopyLength, _layout.BlockSize - inBlock)];
        long end = Math.Min(data + _layout.BlockSize, _editor.Length);
        for (long offset = data + inBlock; offset < end;)
        {
            int count = (int)Math.Min(zeroes.Length, end - offset);
            _editor.Write(zeroes.AsSpan(0, count), offset);
            offset += count;
        }

        // The last block may have been cut short, and what follows it in the file is to be another block.
        if (_editor.Length < data + _layout.BlockSize)
        {
            _editor.SetLength(data + _layout.BlockSize);
        }

        _editor.Flush();
    }

    /// <summary>Gives the table a new place at the end of the file, and says so in both region tables with the next commit.</summary>
    private void MoveTable()
    {
        VhdxRegion moved = new(VhdxConstants.BatRegion, VhdxConstants.Align(_editor.Length, VhdxConstants.MiB), VhdxConstants.Align(_layout.EntryCount * 8, VhdxConstants.MiB), true);
        if (moved.Length > uint.MaxValue)
        {
            throw new InvalidOperationException($"The block table would have {moved.Length} bytes, more than a region can. Convert the image to one with larger blocks.");
        }

        _editor.SetLength(moved.End);
        byte[] buffer = new byte[CopyLength];
        long used = _image.Layout.EntryCount * 8;
        for (long done = 0; done < used;)
        {
            int count = (int)Math.Min(buffer.Length, used - done);
            _editor.Read(buffer.AsSpan(0, count), _image.BatRegion.FileOffset + done);
            _editor.Write(buffer.AsSpan(0, count), moved.FileOffset + done);
            done += count;
        }

        FillEntries(moved.FileOffset, null, Guid.Empty);
        _editor.Flush();

        List<VhdxRegion> regions = [];
        foreach (VhdxRegion region in _image.Regions)
        {
            regions.Add(region.Id == VhdxConstants.BatRegion ? moved : region);
        }

        byte[] table = VhdxRegionTable.ToArray(regions);
        SetBytes(VhdxConstants.RegionTable1Offset, table);
        SetBytes(VhdxConstants.RegionTable2Offset, table);
    }

    /// <summary>Writes the entries behind the old end: not stored, or, on a fixed disk, blocks that are added to the file.</summary>
    /// <param name="tableOffset">Position of the table.</param>
    /// <param name="log">The log to go through; null for a table that nobody reads yet.</param>
    /// <param name="dataWriteId">The new id of the content.</param>
    private void FillEntries(long tableOffset, VhdxLogWriter? log, Guid dataWriteId)
    {
        if (log is null && !_image.Metadata.LeavesBlocksAllocated)
        {
            // The file was made longer for the table: what was not copied into it is zero, which is "not stored".
            return;
        }

        long end = VhdxConstants.Align(_editor.Length, VhdxConstants.MiB);
        if (_image.Metadata.LeavesBlocksAllocated)
        {
            _editor.SetLength(end + ((_layout.BlockCount - _image.Layout.BlockCount) * _layout.BlockSize));
            _editor.Flush();
        }

        for (long entry = _image.Layout.EntryCount; entry < _layout.EntryCount; entry++)
        {
            ulong value = 0;
            if (_image.Metadata.LeavesBlocksAllocated && !_layout.IsBitmapEntry(entry))
            {
                value = (ulong)end | (ulong)VhdxBlockState.FullyPresent;
                end += _layout.BlockSize;
            }

            SetEntry(tableOffset, entry, value);
            if (log is null)
            {
                WriteWhenFull();
            }
            else
            {
                CommitWhenFull(log, dataWriteId);
            }
        }

        if (log is null)
        {
            WritePages();
        }
    }

    private void SetLengthItem()
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, _length);
        SetBytes(_image.Metadata.LengthItemOffset, bytes);
    }

    private void SetEntry(long tableOffset, long entry, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        SetBytes(tableOffset + (entry * 8), bytes);
    }

    /// <summary>Changes bytes in the pages of the next commit.</summary>
    private void SetBytes(long fileOffset, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            long pageOffset = fileOffset / PageSize * PageSize;
            int inPage = (int)(fileOffset - pageOffset);
            int count = Math.Min(bytes.Length, PageSize - inPage);
            if (!_pages.TryGetValue(pageOffset, out byte[]? page))
            {
                page = ReadPage(pageOffset);
                if (page.AsSpan(inPage, count).SequenceEqual(bytes[..count]))
                {
                    // Nothing changes: most pages of a table that grows are zero already.
                    bytes = bytes[count..];
                    fileOffset += count;
                    continue;
                }

                _pages.Add(pageOffset, page);
                _unchangedOffset = -1;
            }

            bytes[..count].CopyTo(page.AsSpan(inPage));
            bytes = bytes[count..];
            fileOffset += count;
        }
    }

    private byte[] ReadPage(long pageOffset)
    {
        if (_unchangedOffset != pageOffset)
        {
            _unchangedPage = new byte[PageSize];
            _editor.Read(_unchangedPage, pageOffset);
            _unchangedOffset = pageOffset;
        }

        return _unchangedPage;
    }

    private List<(long FileOffset, byte[] Page)> TakePages()
    {
        List<(long FileOffset, byte[] Page)> pages = [];
        foreach ((long fileOffset, byte[] page) in _pages)
        {
            pages.Add((fileOffset, page));
        }

        _pages.Clear();
        return pages;
    }

    // Room is left for the pages of the region tables and the length, which go together with the last ones.
    private void CommitWhenFull(VhdxLogWriter log, Guid dataWriteId)
    {
        if (_pages.Count >= VhdxLogWriter.MaxPages / 2)
        {
            log.Commit(TakePages(), dataWriteId);
        }
    }

    private void WriteWhenFull()
    {
        if (_pages.Count >= VhdxLogWriter.MaxPages / 2)
        {
            WritePages();
        }
    }

    private void WritePages()
    {
        foreach ((long fileOffset, byte[] page) in TakePages())
        {
            _editor.Write(page, fileOffset);
        }
    }

    private ulong ReadEntry(long block)
    {
        Span<byte> bytes = stackalloc byte[8];
        _editor.Read(bytes, _image.BatRegion.FileOffset + (_layout.EntryOf(block) * 8));
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    private long EndOfUse()
    {
        long end = Math.Max(VhdxConstants.MiB, (long)_image.Header.LogOffset + _image.Header.LogLength);
        foreach (VhdxRegion region in _image.Regions)
        {
            end = Math.Max(end, region.End);
        }

        byte[] page = new byte[65536];
        long length = _layout.EntryCount * 8;
        for (long done = 0; done < length; done += page.Length)
        {
            int count = (int)Math.Min(page.Length, length - done);
            _editor.Read(page.AsSpan(0, count), _image.BatRegion.FileOffset + done);
            for (int index = 0; index < count; index += 8)
            {
                ulong entry = BinaryPrimitives.ReadUInt64LittleEndian(page.AsSpan(index));
                long blockOffset = (long)(entry & OffsetMask);
                if (blockOffset > 0 && blockOffset < _editor.Length)
                {
                    end = Math.Max(end, blockOffset + _layout.BlockSize);
                }
            }
        }

        return end;
    }
}
