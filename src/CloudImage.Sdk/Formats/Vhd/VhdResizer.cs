using System;
using System.Buffers.Binary;
using System.Threading;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vhd;

/// <summary>Changes the length of a fixed or dynamic disk in place.</summary>
/// <remarks>
/// The footer at the end of the file decides which disk the file is, and a footer is one sector, which a medium writes
/// whole or not at all. Every step below leaves a valid footer there, and is durable before the next begins.
/// </remarks>
internal sealed class VhdResizer
{
    private const int CopyLength = 1 << 20;
    private readonly ImageEditor _editor;
    private readonly VhdImage _image;
    private readonly long _length;
    private readonly DiskResizeOptions _options;

    private VhdResizer(ImageEditor editor, VhdImage image, long length, DiskResizeOptions options)
    {
        _editor = editor;
        _image = image;
        _length = length;
        _options = options;
    }

    public static void Resize(ImageEditor editor, long length, DiskResizeOptions options)
    {
        using EditorDisk container = new(editor);
        VhdImage image = SyncBridge.Completed(VhdImage.LoadAsync(container, false, options.Limits, IoMode.Synchronous, CancellationToken.None));
        if (length % VhdConstants.SectorSize != 0)
        {
            throw new InvalidOperationException($"A VHD has whole sectors of {VhdConstants.SectorSize} bytes; {length} is no multiple.");
        }

        if (image.IsDifferencing)
        {
            throw new InvalidOperationException("A differencing VHD has the length of its parent. Flatten the chain into a new image and resize that.");
        }

        long limit = image.Header is null ? VhdConstants.MaxFixedLength : VhdConstants.MaxDynamicLength;
        if (length > limit)
        {
            throw new InvalidOperationException($"A VHD of this kind has at most {limit >> 30} GiB, and {length} bytes were asked for.");
        }

        if (image.FileLength - image.FooterOffset != VhdConstants.FooterLength)
        {
            throw new InvalidOperationException("The image has a footer of the old kind, of 511 bytes. Convert it to a new one.");
        }

        VhdResizer resizer = new(editor, image, length, options);
        resizer.RefuseToLoseData(container);
        if (image.Header is null)
        {
            resizer.ResizeFixed();
        }
        else
        {
            resizer.ResizeDynamic();
        }
    }

    private void RefuseToLoseData(EditorDisk container)
    {
        if (_options.AllowDataLoss || _length >= _image.Length)
        {
            return;
        }

        using VhdDisk disk = new(container, _image, new DiskOpenOptions { LeaveOpen = true, Limits = _options.Limits });
        byte[] buffer = new byte[CopyLength];
        foreach (DiskExtent extent in disk.GetExtents(_length, _image.Length - _length))
        {
            for (long offset = extent.Offset; extent.Kind == DiskExtentKind.Data && offset < extent.End;)
            {
                int count = disk.Read(buffer.AsSpan(0, (int)Math.Min(buffer.Length, extent.End - offset)), offset);
                int index = ZeroDetector.IndexOfNonZero(buffer.AsSpan(0, count));
                if (index >= 0)
                {
                    throw new InvalidOperationException($"The disk holds data at {offset + index}, behind its new end at {_length}. Allow data loss to cut it off.");
                }

                offset += count;
            }
        }
    }

    private void ResizeFixed()
    {
        byte[] footer = _image.Footer.WithLength(_length).ToArray();
        if (_length > _image.Length)
        {
            // The old footer becomes a part of the disk and must read as zeros there, but not before another one says
            // the old length: first that one, at the new end, then the zeros, then the new length.
            byte[] old = new byte[VhdConstants.FooterLength];
            _editor.Read(old, _image.FooterOffset);
            long end = Math.Max(_length, _image.FooterOffset + VhdConstants.FooterLength);
            _editor.Write(old, end);
            _editor.Flush();
            Clear(_image.Length, Math.Min(_length, _image.FooterOffset + VhdConstants.FooterLength));
            _editor.Flush();
            _editor.Write(footer, end);
            _editor.Flush();
            if (end > _length)
            {
                Truncate(footer);
            }

            return;
        }

        if (_length < _image.Length)
        {
            _editor.Write(footer, _image.FooterOffset);
            _editor.Flush();
            Truncate(footer);
        }
    }

    private void Truncate(byte[] footer)
    {
        _editor.Write(footer, _length);
        _editor.Flush();
        _editor.SetLength(_length + VhdConstants.FooterLength);
        _editor.Flush();
    }

    private void ResizeDynamic()
    {
        if (_length > _image.Length)
        {
            ClearTailOfLastBlock();
            GrowTable();
            WriteFooters(_editor.Length - VhdConstants.FooterLength);
        }
        else if (_length < _image.Length)
        {
            WriteFooters(_image.FooterOffset);
            ReleaseBlocks();
        }
    }

    /// <summary>What a block holds behind the old end of the disk was never visible, and need not be zero.</summary>
    private void ClearTailOfLastBlock()
    {
        long inBlock = _image.Length % _image.BlockSize;
        uint entry = inBlock == 0 ? VhdConstants.UnallocatedEntry : ReadEntry(_image.BlockCount - 1);
        if (entry == VhdConstants.UnallocatedEntry)
        {
            return;
        }

        long data = ((long)entry * VhdConstants.SectorSize) + _image.BitmapLength;
        if (data + _image.BlockSize > _image.FooterOffset)
        {
            throw VhdImage.Fault(_image.TableOffset + ((_image.BlockCount - 1) * 4), $"the last block at {data} does not end before the footer at {_image.FooterOffset}.");
        }

        Clear(data + inBlock, data + _image.BlockSize);
        _editor.Flush();
    }

    /// <summary>Gives the table its new length, at the end of the file where there is no room for it.</summary>
    private void GrowTable()
    {
        long needed = (_length + _image.BlockSize - 1) / _image.BlockSize;
        if (needed <= _image.BlockCount)
        {
            return;
        }

        // Entries that the table has beyond the old disk were nobody's; they are now, and begin as missing.
        if (needed <= _image.Header!.TableEntries && needed * 4 <= _image.FooterOffset - _image.TableOffset)
        {
            FillEntries(_image.TableOffset, _image.BlockCount, needed);
            _editor.Flush();
            return;
        }

        // The file ends in a footer at any time, so the one behind the new table comes before the table.
        long tableOffset = _image.FileLength;
        long tableEnd = Align(tableOffset + (needed * 4));
        byte[] footer = new byte[VhdConstants.FooterLength];
        _editor.Read(footer, _image.FooterOffset);
        _editor.Write(footer, tableEnd);
        _editor.Flush();
        CopyTable(tableOffset);
        FillEntries(tableOffset, _image.BlockCount, (tableEnd - tableOffset) / 4);
        _editor.Flush();

        byte[] header = new byte[VhdConstants.DynamicHeaderLength];
        long headerOffset = (long)_image.Footer.DataOffset;
        _editor.Read(header, headerOffset);
        header = VhdDynamicHeader.WithTable(header, tableOffset, (uint)needed);
        _editor.Write(header.AsSpan(0, VhdConstants.SectorSize), headerOffset);
        _editor.Flush();
    }

    private void CopyTable(long tableOffset)
    {
        byte[] buffer = new byte[CopyLength];
        long length = _image.BlockCount * 4;
        for (long done = 0; done < length;)
        {
            int count = (int)Math.Min(buffer.Length, length - done);
            _editor.Read(buffer.AsSpan(0, count), _image.TableOffset + done);
            _editor.Write(buffer.AsSpan(0, count), tableOffset + done);
            done += count;
        }
    }

    private void FillEntries(long tableOffset, long first, long end)
    {
        byte[] buffer = new byte[(int)Math.Min(CopyLength, Math.Max(0, end - first) * 4)];
        buffer.AsSpan().Fill(0xFF);
        for (long index = first; index < end;)
        {
            int count = (int)Math.Min(buffer.Length / 4, end - index);
            _editor.Write(buffer.AsSpan(0, count * 4), tableOffset + (index * 4));
            index += count;
        }
    }

    private void WriteFooters(long footerOffset)
    {
        byte[] footer = _image.Footer.WithLength(_length).ToArray();
        _editor.Write(footer, footerOffset);
        _editor.Flush();
        _editor.Write(footer, 0);
        _editor.Flush();
    }

    /// <summary>Forgets the blocks behind the new end, and shortens the file by those that lie last in it.</summary>
    private void ReleaseBlocks()
    {
        long needed = (_length + _image.BlockSize - 1) / _image.BlockSize;
        FillEntries(_image.TableOffset, needed, _image.BlockCount);
        _editor.Flush();

        long end = Math.Max(Align(_image.TableOffset + (_image.Header!.TableEntries * 4L)), (long)_image.Footer.DataOffset + VhdConstants.DynamicHeaderLength);
        byte[] page = new byte[65536];
        for (long done = 0; done < needed * 4; done += page.Length)
        {
            int count = (int)Math.Min(page.Length, (needed * 4) - done);
            _editor.Read(page.AsSpan(0, count), _image.TableOffset + done);
            for (int index = 0; index < count; index += 4)
            {
                uint entry = BinaryPrimitives.ReadUInt32BigEndian(page.AsSpan(index));
                if (entry != VhdConstants.UnallocatedEntry)
                {
                    end = Math.Max(end, ((long)entry * VhdConstants.SectorSize) + _image.BitmapLength + _image.BlockSize);
                }
            }
        }

        if (end + VhdConstants.FooterLength <= _image.FooterOffset)
        {
            byte[] footer = _image.Footer.WithLength(_length).ToArray();
            _editor.Write(footer, end);
            _editor.Flush();
            _editor.SetLength(end + VhdConstants.FooterLength);
            _editor.Flush();
        }
    }

    private uint ReadEntry(long block)
    {
        Span<byte> entry = stackalloc byte[4];
        _editor.Read(entry, _image.TableOffset + (block * 4));
        return BinaryPrimitives.ReadUInt32BigEndian(entry);
    }

    private void Clear(long from, long to)
    {
        byte[] zeroes = new byte[(int)Math.Clamp(to - from, 0, CopyLength)];
        while (from < to)
        {
            int count = (int)Math.Min(zeroes.Length, to - from);
            _editor.Write(zeroes.AsSpan(0, count), from);
            from += count;
        }
    }

    private static long Align(long value) => (value + VhdConstants.SectorSize - 1) / VhdConstants.SectorSize * VhdConstants.SectorSize;
}
