using System;
using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Generic;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vdi;

/// <summary>Changes the length of a VDI in place.</summary>
/// <remarks>
/// The header's first sector says where the map is, where the blocks begin and how long the disk is: writing that one
/// sector is the step from the old disk to the new one. Everything else is written before it where the old header does
/// not look, or after it where the new one does not. A crash in between leaves at most unused places.
/// </remarks>
internal sealed class VdiResizer
{
    private readonly ImageEditor _image;
    private readonly DiskResizeOptions _options;
    private readonly byte[] _sector = new byte[VdiHeader.Size];
    private readonly uint[] _map;
    private VdiHeader _header;

    private VdiResizer(ImageEditor image, DiskResizeOptions options)
    {
        _image = image;
        _options = options;
        int read = image.Read(_sector, 0);
        _header = VdiHeader.Parse(_sector.AsSpan(0, read));
        _map = ReadMap();
    }

    private long HighestPlace
    {
        get
        {
            long highest = -1;
            foreach (uint entry in _map)
            {
                highest = entry < VdiConstants.Zero ? Math.Max(highest, entry) : highest;
            }

            return highest;
        }
    }

    public static void Resize(ImageEditor image, long length, DiskResizeOptions options)
    {
        VdiResizer resizer = new(image, options);
        length = checked(length + VdiConstants.SectorSize - 1) / VdiConstants.SectorSize * VdiConstants.SectorSize;
        if (length > options.Limits.MaxVirtualSize)
        {
            throw new ArgumentOutOfRangeException(nameof(length), $"The new length {length} is beyond the limit of {options.Limits.MaxVirtualSize} bytes (DiskReadLimits.MaxVirtualSize).");
        }

        if (length > resizer._header.Length)
        {
            resizer.Grow(length);
        }
        else if (length < resizer._header.Length)
        {
            resizer.Shrink(length);
        }
    }

    private void Grow(long length)
    {
        long count = BlocksOf(length);
        if (count > (uint.MaxValue - (2L * VdiHeader.Size)) / sizeof(uint) || count * sizeof(uint) > _options.Limits.MaxMetadataMemory)
        {
            throw new ArgumentOutOfRangeException(nameof(length), $"A disk of {length} bytes needs {count} blocks of {_header.BlockSize}, more than the map or DiskReadLimits.MaxMetadataMemory holds.");
        }

        // What the last block holds behind the old end becomes visible: it must be zeros.
        ClearBehindEnd();
        uint[] map = new uint[count];
        map.AsSpan().Fill(VdiConstants.Unallocated);
        _map.CopyTo(map, 0);
        uint allocated = Math.Max(_header.AllocatedCount, (uint)(HighestPlace + 1));
        if (_header.Type == VdiConstants.TypeStatic)
        {
            allocated = Place(map, allocated);
        }

        long room = _header.MapOffset < _header.DataOffset ? _header.DataOffset - _header.MapOffset : 0;
        if (count * sizeof(uint) <= room)
        {
            WriteMap(map, _map.Length, _header.MapOffset);
            Switch(_header.MapOffset, _header.DataOffset, length, count, CountAllocated(map));
            return;
        }

        MoveDataUp(map, length, allocated);
    }

    /// <summary>Makes room for a longer map: the first blocks go to the end, the map takes their place, and the data begins behind it.</summary>
    private void MoveDataUp(uint[] map, long length, uint allocated)
    {
        long bytes = map.Length * (long)sizeof(uint);
        long places = (bytes + _header.BlockPitch - 1) / _header.BlockPitch;
        long dataOffset = _header.DataOffset + (places * _header.BlockPitch);
        if (dataOffset > uint.MaxValue)
        {
            throw new InvalidOperationException($"The longer map would push the data to {dataOffset}, beyond the 4 GiB that the header can name. Convert the image to a new one.");
        }

        uint next = (uint)Math.Max(allocated, places);
        _image.SetLength(Math.Max(_image.Length, _header.DataOffset + ((next + CountBelow(map, places)) * _header.BlockPitch)));

        // First the promise that the places behind are taken, so that no program that opens the image between the steps uses them.
        WriteAllocatedCount((uint)(next + CountBelow(map, places)));
        List<int> moved = [];
        for (int block = 0; block < map.Length; block++)
        {
            if (map[block] < places)
            {
                CopyPlace(map[block], next);
                map[block] = next++;
                moved.Add(block);
            }
        }

        _image.Flush();
        foreach (int block in moved)
        {
            if (block < _map.Length)
            {
                WriteMapEntry(block, map[block]);
            }
        }

        _image.Flush();
        for (int block = 0; block < map.Length; block++)
        {
            map[block] -= map[block] < VdiConstants.Zero ? (uint)places : 0;
        }

        // The old header's map stays where it was; the new one lies in places that no block has any more.
        WriteMap(map, 0, _header.DataOffset);
        Switch(_header.DataOffset, (uint)dataOffset, length, map.Length, CountAllocated(map));
        CloseGaps(map);
    }

    private void Shrink(long length)
    {
        long count = BlocksOf(length);
        if (!_options.AllowDataLoss)
        {
            ThrowIfDataBehind(length);
        }

        uint[] map = _map[..(int)count];
        uint taken = (uint)Math.Max(HighestPlace + 1, 0);
        Switch(_header.MapOffset, _header.DataOffset, length, count, taken);
        ClearBehindEnd();
        CloseGaps(map);
    }

    /// <summary>Moves the last blocks into places that nothing uses, so that the blocks are dense, then cuts the file.</summary>
    private void CloseGaps(uint[] map)
    {
        Dictionary<uint, int> blockOf = [];
        for (int block = 0; block < map.Length; block++)
        {
            if (map[block] < VdiConstants.Zero)
            {
                blockOf[map[block]] = block;
            }
        }

        uint used = (uint)blockOf.Count;
        uint gap = 0;
        List<uint> behind = [.. blockOf.Keys];
        behind.RemoveAll(place => place < used);
        behind.Sort();
        foreach (uint place in behind)
        {
            while (blockOf.ContainsKey(gap))
            {
                gap++;
            }

            CopyPlace(place, gap);
            _image.Flush();
            WriteMapEntry(blockOf[place], gap);
            _image.Flush();
            map[blockOf[place]] = gap++;
        }

        WriteAllocatedCount(used);
        long end = _header.DataOffset + (used * _header.BlockPitch);
        if (end < _image.Length)
        {
            _image.SetLength(end);
        }

        _image.Flush();
    }

    private void Switch(long mapOffset, long dataOffset, long length, long count, uint allocated)
    {
        _image.Flush();
        _header = new VdiHeader
        {
            Creator = _header.Creator,
            Type = _header.Type,
            MapOffset = (uint)mapOffset,
            DataOffset = (uint)dataOffset,
            DiskSize = (ulong)length,
            BlockSize = _header.BlockSize,
            BlockExtra = _header.BlockExtra,
            BlockCount = (uint)count,
            AllocatedCount = allocated,
            Id = _header.Id,
            ModificationId = _header.ModificationId,
            ParentId = _header.ParentId,
            ParentModificationId = _header.ParentModificationId,
        };
        _header.WriteLayoutTo(_sector);
        _image.Write(_sector, 0);
        _image.Flush();
    }

    private void WriteAllocatedCount(uint allocated)
    {
        if (BinaryPrimitives.ReadUInt32LittleEndian(_sector.AsSpan(0x184)) != allocated)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(_sector.AsSpan(0x184), allocated);
            _image.Write(_sector, 0);
            _image.Flush();
        }
    }

    private uint[] ReadMap()
    {
        long bytes = _header.BlockCount * (long)sizeof(uint);
        if (bytes > _options.Limits.MaxMetadataMemory || _header.MapOffset + bytes > _image.Length)
        {
            throw new DiskFormatException(VdiConstants.FormatName, 0x180, $"The map of {_header.BlockCount} entries lies outside the file or above the limit of {_options.Limits.MaxMetadataMemory} bytes (DiskReadLimits.MaxMetadataMemory).");
        }

        uint[] map = new uint[_header.BlockCount];
        byte[] page = new byte[65536];
        HashSet<uint> seen = [];
        for (int done = 0; done < map.Length;)
        {
            int count = Math.Min(page.Length / sizeof(uint), map.Length - done);
            _image.Read(page.AsSpan(0, count * sizeof(uint)), _header.MapOffset + ((long)done * sizeof(uint)));
            for (int i = 0; i < count; i++)
            {
                uint entry = BinaryPrimitives.ReadUInt32LittleEndian(page.AsSpan(i * sizeof(uint)));
                map[done + i] = entry;
                if (entry < VdiConstants.Zero && (!seen.Add(entry) || _header.DataOffset + (entry * _header.BlockPitch) >= _image.Length))
                {
                    throw new DiskFormatException(VdiConstants.FormatName, _header.MapOffset + ((long)(done + i) * sizeof(uint)), $"Block {done + i} is in place {entry}, which lies outside the file or is used twice: a damaged image is not resized.");
                }
            }

            done += count;
        }

        return map;
    }

    private void WriteMap(uint[] map, int first, long mapOffset)
    {
        byte[] page = new byte[65536];
        for (int done = first; done < map.Length;)
        {
            int count = Math.Min(page.Length / sizeof(uint), map.Length - done);
            for (int i = 0; i < count; i++)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(page.AsSpan(i * sizeof(uint)), map[done + i]);
            }

            _image.Write(page.AsSpan(0, count * sizeof(uint)), mapOffset + ((long)done * sizeof(uint)));
            done += count;
        }
    }

    private void WriteMapEntry(int block, uint entry)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, entry);
        _image.Write(bytes, _header.MapOffset + ((long)block * sizeof(uint)));
    }

    // A static disk has every block in its place; the new ones follow the old.
    private uint Place(uint[] map, uint allocated)
    {
        for (int block = _map.Length; block < map.Length; block++)
        {
            map[block] = allocated++;
        }

        _image.SetLength(Math.Max(_image.Length, _header.DataOffset + (allocated * _header.BlockPitch)));
        return allocated;
    }

    private void CopyPlace(uint from, uint to)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(_header.BlockPitch, 1 << 20));
        try
        {
            for (long done = 0; done < _header.BlockPitch;)
            {
                Span<byte> piece = buffer.AsSpan(0, (int)Math.Min(buffer.Length, _header.BlockPitch - done));
                int read = _image.Read(piece, _header.DataOffset + (from * _header.BlockPitch) + done);
                piece[read..].Clear();
                _image.Write(piece, _header.DataOffset + (to * _header.BlockPitch) + done);
                done += piece.Length;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    // The part of the last block behind the end of the disk.
    private void ClearBehindEnd()
    {
        int within = (int)(_header.Length % _header.BlockSize);
        if (within == 0 || _map[_header.Length / _header.BlockSize] is not (< VdiConstants.Zero and uint place))
        {
            return;
        }

        byte[] zeroes = new byte[65536];
        long start = _header.DataOffset + (place * _header.BlockPitch) + _header.BlockExtra;
        for (long at = start + within; at < start + _header.BlockSize;)
        {
            int count = (int)Math.Min(zeroes.Length, start + _header.BlockSize - at);
            _image.Write(zeroes.AsSpan(0, count), at);
            at += count;
        }
    }

    private void ThrowIfDataBehind(long length)
    {
        byte[] buffer = new byte[65536];
        for (long block = length / _header.BlockSize; block < _map.Length; block++)
        {
            if (_map[block] >= VdiConstants.Zero)
            {
                continue;
            }

            long start = _header.DataOffset + (_map[block] * _header.BlockPitch) + _header.BlockExtra;
            long from = Math.Max(0, length - (block * _header.BlockSize));
            long end = Math.Min(_header.BlockSize, _header.Length - (block * _header.BlockSize));
            for (long at = from; at < end;)
            {
                Span<byte> piece = buffer.AsSpan(0, (int)Math.Min(buffer.Length, end - at));
                int read = _image.Read(piece, start + at);
                if (piece[..read].ContainsAnyExcept((byte)0))
                {
                    throw new InvalidOperationException($"The disk holds data behind {length}, in its block {block}. Set DiskResizeOptions.AllowDataLoss to cut it off.");
                }

                at += piece.Length;
            }
        }
    }

    private long BlocksOf(long length) => (length / _header.BlockSize) + (length % _header.BlockSize == 0 ? 0 : 1);

    private static uint CountAllocated(uint[] map)
    {
        uint count = 0;
        foreach (uint entry in map)
        {
            count += entry < VdiConstants.Zero ? 1u : 0;
        }

        return count;
    }

    private static long CountBelow(uint[] map, long places)
    {
        long count = 0;
        foreach (uint entry in map)
        {
            count += entry < places ? 1 : 0;
        }

        return count;
    }
}
