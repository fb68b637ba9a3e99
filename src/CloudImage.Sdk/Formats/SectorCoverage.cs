using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;

namespace CloudImage.Sdk.Formats;

/// <summary>Which sectors of a new overlay were written, block by block: what its sector bitmaps are made from. Thread-safe.</summary>
/// <remarks>
/// A sector that was written in part belongs to the overlay only when the other parts follow: until then its remaining
/// bytes would have to come from the parent, which the writer does not read.
/// </remarks>
internal sealed class SectorCoverage
{
    private static readonly ulong[] s_full = [];
    private readonly Lock _lock = new();
    private readonly Dictionary<long, ulong[]> _blocks = [];
    private readonly Dictionary<long, ulong[]> _torn = [];
    private readonly long _length;
    private readonly int _sectorSize;
    private readonly int _sectorsInBlock;

    /// <summary>Makes an empty set.</summary>
    /// <param name="length">Length of the disk in bytes.</param>
    /// <param name="sectorSize">Size of a sector in bytes.</param>
    /// <param name="blockSize">Size of a block in bytes, at least 64 sectors.</param>
    public SectorCoverage(long length, int sectorSize, int blockSize)
    {
        Debug.Assert(blockSize / sectorSize >= 64 && length % sectorSize == 0);
        _length = length;
        _sectorSize = sectorSize;
        _sectorsInBlock = blockSize / sectorSize;
    }

    /// <summary>Adds a range of bytes.</summary>
    /// <param name="offset">Position on the disk.</param>
    /// <param name="length">Length in bytes, not 0.</param>
    public void Add(long offset, long length)
    {
        long end = offset + length;
        lock (_lock)
        {
            long first = offset / _sectorSize;
            long last = (end - 1) / _sectorSize;
            for (long sector = first; sector <= last;)
            {
                int from = (int)Math.Max(0, offset - (sector * _sectorSize));
                int to = (int)Math.Min(_sectorSize, end - (sector * _sectorSize));
                if (to - from < _sectorSize)
                {
                    AddPart(sector, from, to);
                    sector++;
                    continue;
                }

                long whole = (end / _sectorSize) - sector;
                int inBlock = (int)(sector % _sectorsInBlock);
                int count = (int)Math.Min(whole, _sectorsInBlock - inBlock);
                AddWhole(sector / _sectorsInBlock, inBlock, count);
                sector += count;
            }
        }
    }

    /// <summary>Whether every sector of a block that lies on the disk was written.</summary>
    public bool IsFull(long block)
    {
        lock (_lock)
        {
            return _blocks.TryGetValue(block, out ulong[]? bits) && (bits.Length == 0 || Count(bits) == SectorsOnDisk(block));
        }
    }

    /// <summary>Copies a block's bits, the first sector in the lowest bit of the first byte.</summary>
    /// <param name="block">The block.</param>
    /// <param name="destination">One bit for each sector of a block.</param>
    public void CopyTo(long block, Span<byte> destination)
    {
        Debug.Assert(destination.Length == _sectorsInBlock / 8);
        lock (_lock)
        {
            if (!_blocks.TryGetValue(block, out ulong[]? bits))
            {
                destination.Clear();
                return;
            }

            for (int index = 0; index < destination.Length; index++)
            {
                destination[index] = bits.Length == 0 ? (byte)0xFF : (byte)(bits[index >> 3] >> ((index & 7) << 3));
            }
        }
    }

    /// <summary>Refuses an overlay in which a sector was written in part only.</summary>
    /// <exception cref="InvalidOperationException">There is such a sector.</exception>
    public void ThrowIfTorn()
    {
        lock (_lock)
        {
            if (_torn.Count > 0)
            {
                long sector = _torn.Keys.Min();
                throw new InvalidOperationException($"The sector at offset {sector * _sectorSize} of the overlay was written in part; the rest of it lies in the parent, which a writer does not read. Write whole sectors of {_sectorSize} bytes.");
            }
        }
    }

    private void AddWhole(long block, int first, int count)
    {
        if (count == _sectorsInBlock)
        {
            _blocks[block] = s_full;
            ForgetTorn(block, first, count);
            return;
        }

        if (!_blocks.TryGetValue(block, out ulong[]? bits))
        {
            bits = new ulong[(_sectorsInBlock + 63) / 64];
            _blocks[block] = bits;
        }

        if (bits.Length > 0)
        {
            for (int index = first; index < first + count; index++)
            {
                bits[index >> 6] |= 1UL << (index & 63);
            }

            if (Count(bits) == _sectorsInBlock)
            {
                _blocks[block] = s_full;
            }
        }

        ForgetTorn(block, first, count);
    }

    private void ForgetTorn(long block, int first, int count)
    {
        if (_torn.Count == 0)
        {
            return;
        }

        long begin = (block * _sectorsInBlock) + first;
        foreach (long sector in _torn.Keys.Where(sector => sector >= begin && sector < begin + count).ToArray())
        {
            _torn.Remove(sector);
        }
    }

    private void AddPart(long sector, int from, int to)
    {
        long block = sector / _sectorsInBlock;
        int inBlock = (int)(sector % _sectorsInBlock);
        if (_blocks.TryGetValue(block, out ulong[]? bits) && (bits.Length == 0 || (bits[inBlock >> 6] & (1UL << (inBlock & 63))) != 0))
        {
            return;
        }

        if (!_torn.TryGetValue(sector, out ulong[]? bytes))
        {
            bytes = new ulong[_sectorSize / 64];
            _torn[sector] = bytes;
        }

        for (int index = from; index < to; index++)
        {
            bytes[index >> 6] |= 1UL << (index & 63);
        }

        if (Count(bytes) == _sectorSize)
        {
            AddWhole(block, inBlock, 1);
        }
    }

    private long SectorsOnDisk(long block) => Math.Min(_sectorsInBlock, (_length / _sectorSize) - (block * _sectorsInBlock));

    private static int Count(ulong[] bits)
    {
        int sum = 0;
        foreach (ulong word in bits)
        {
            sum += System.Numerics.BitOperations.PopCount(word);
        }

        return sum;
    }
}
