using System;
using System.Collections.Generic;
using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Formats.Archives;

/// <summary>Which ranges of a sparse member are stored; they lie one behind the other in the archive. Immutable.</summary>
internal sealed class TarSparseMap
{
    private readonly long[] _offsets;
    private readonly long[] _lengths;
    private readonly long[] _storedOffsets;

    private TarSparseMap(long[] offsets, long[] lengths, long[] storedOffsets, long storedLength)
    {
        _offsets = offsets;
        _lengths = lengths;
        _storedOffsets = storedOffsets;
        StoredLength = storedLength;
    }

    /// <summary>Bytes of one entry in memory.</summary>
    public static int EntrySize => 3 * sizeof(long);

    /// <summary>Sum of the lengths of the stored ranges.</summary>
    public long StoredLength { get; }

    /// <summary>Takes entries as an archive gives them and checks them against the length of the member.</summary>
    /// <returns>The map; null where the entries are out of order, overlap or leave the member, and then <paramref name="fault"/> tells which.</returns>
    public static TarSparseMap? TryMake(IReadOnlyList<(long Offset, long Length)> entries, long length, out string? fault)
    {
        long[] offsets = new long[entries.Count];
        long[] lengths = new long[entries.Count];
        long[] stored = new long[entries.Count];
        int count = 0;
        long end = 0;
        long storedLength = 0;
        for (int index = 0; index < entries.Count; index++)
        {
            (long entryOffset, long entryLength) = entries[index];
            if (entryOffset < end || entryOffset > length || entryLength > length - entryOffset)
            {
                fault = $"Entry {index} of the sparse map is {entryOffset} + {entryLength}; it must begin at or behind {end} and end within {length}.";
                return null;
            }

            end = entryOffset + entryLength;
            if (entryLength > 0)
            {
                offsets[count] = entryOffset;
                lengths[count] = entryLength;
                stored[count] = storedLength;
                storedLength += entryLength;
                count++;
            }
        }

        fault = null;
        return new TarSparseMap(offsets[..count], lengths[..count], stored[..count], storedLength);
    }

    /// <summary>Finds what is at a position: its kind, how far it goes at most, and where it is stored.</summary>
    public (DiskExtentKind Kind, long Length, long StoredOffset) Find(long offset, long maxLength)
    {
        int index = Array.BinarySearch(_offsets, offset);
        index = index >= 0 ? index : ~index - 1;
        if (index >= 0 && offset - _offsets[index] < _lengths[index])
        {
            long delta = offset - _offsets[index];
            return (DiskExtentKind.Data, Math.Min(maxLength, _lengths[index] - delta), _storedOffsets[index] + delta);
        }

        long next = index + 1 < _offsets.Length ? _offsets[index + 1] : long.MaxValue;
        return (DiskExtentKind.Zero, Math.Min(maxLength, next - offset), -1);
    }

    /// <summary>The whole map as extents, holes as zeros.</summary>
    public BlockMap ToBlockMap(long length) => new(Enumerate(length));

    private IEnumerable<DiskExtent> Enumerate(long length)
    {
        long end = 0;
        for (int index = 0; index < _offsets.Length; index++)
        {
            yield return new DiskExtent(end, _offsets[index] - end, DiskExtentKind.Zero);
            yield return new DiskExtent(_offsets[index], _lengths[index], DiskExtentKind.Data);
            end = _offsets[index] + _lengths[index];
        }

        yield return new DiskExtent(end, length - end, DiskExtentKind.Zero);
    }
}
