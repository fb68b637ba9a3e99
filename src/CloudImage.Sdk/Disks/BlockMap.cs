using System;
using System.Collections;
using System.Collections.Generic;

namespace CloudImage.Sdk.Disks;

/// <summary>A set of ranges of a disk with their kinds: sorted, apart, neighbours of one kind joined. Immutable.</summary>
/// <remarks>Gaps between the extents are legal; what a gap means is said where the map is used (in a change map: unchanged).</remarks>
public sealed partial class BlockMap : IReadOnlyList<DiskExtent>
{
    private readonly DiskExtent[] _extents;

    /// <summary>Makes a map.</summary>
    /// <param name="extents">Extents in order of their offsets, not overlapping; empty ones are dropped, touching ones of one kind joined.</param>
    /// <exception cref="ArgumentException">Two extents overlap or are out of order.</exception>
    public BlockMap(IEnumerable<DiskExtent> extents)
    {
        ArgumentNullException.ThrowIfNull(extents);
        List<DiskExtent> joined = [];
        foreach (DiskExtent extent in extents)
        {
            Append(joined, extent);
        }

        _extents = [.. joined];
    }

    /// <summary>The map without any extent.</summary>
    public static BlockMap Empty { get; } = new([]);

    /// <summary>Number of extents.</summary>
    public int Count => _extents.Length;

    /// <summary>Sum of the lengths of the extents that hold data, in bytes.</summary>
    public long DataLength
    {
        get
        {
            long sum = 0;
            foreach (DiskExtent extent in _extents)
            {
                sum += extent.Kind == DiskExtentKind.Data ? extent.Length : 0;
            }

            return sum;
        }
    }

    /// <summary>The extent at an index.</summary>
    /// <param name="index">From 0.</param>
    /// <returns>The extent.</returns>
    public DiskExtent this[int index] => _extents[index];

    /// <summary>Reads the whole map of a disk.</summary>
    /// <param name="disk">The disk.</param>
    /// <returns>Its extents.</returns>
    public static BlockMap Of(VirtualDisk disk)
    {
        ArgumentNullException.ThrowIfNull(disk);
        return new BlockMap(disk.GetExtents(0, disk.Length));
    }

    /// <summary>Whether any extent of the map touches a range.</summary>
    /// <param name="offset">Position in bytes.</param>
    /// <param name="length">Length in bytes.</param>
    /// <returns>Whether at least one byte of the range is in the map.</returns>
    public bool Overlaps(long offset, long length)
    {
        int index = FirstEndingAfter(offset);
        return length > 0 && index < _extents.Length && _extents[index].Offset < offset + length;
    }

    /// <summary>The parts of the map that lie within a range.</summary>
    /// <param name="offset">Position in bytes.</param>
    /// <param name="length">Length in bytes.</param>
    /// <returns>The extents, cut to the range.</returns>
    public IEnumerable<DiskExtent> Slice(long offset, long length)
    {
        long end = length > long.MaxValue - offset ? long.MaxValue : offset + length;
        for (int index = FirstEndingAfter(offset); index < _extents.Length && _extents[index].Offset < end; index++)
        {
            long from = Math.Max(offset, _extents[index].Offset);
            long to = Math.Min(end, _extents[index].End);
            yield return new DiskExtent(from, to - from, _extents[index].Kind);
        }
    }

    /// <summary>What is in either map; where both have a byte, the first one's kind holds.</summary>
    /// <param name="first">One map.</param>
    /// <param name="second">The other.</param>
    /// <returns>A new map.</returns>
    public static BlockMap Union(BlockMap first, BlockMap second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        List<DiskExtent> all = [.. first, .. second.Except(first)];
        all.Sort(static (left, right) => left.Offset.CompareTo(right.Offset));
        return new BlockMap(all);
    }

    /// <summary>What is in this map and not in another.</summary>
    /// <param name="other">The map to take away, whatever its kinds.</param>
    /// <returns>A new map.</returns>
    public BlockMap Except(BlockMap other)
    {
        ArgumentNullException.ThrowIfNull(other);
        List<DiskExtent> rest = [];
        foreach (DiskExtent extent in _extents)
        {
            long from = extent.Offset;
            foreach (DiskExtent cut in other.Slice(extent.Offset, extent.Length))
            {
                rest.Add(new DiskExtent(from, cut.Offset - from, extent.Kind));
                from = cut.End;
            }

            rest.Add(new DiskExtent(from, extent.End - from, extent.Kind));
        }

        return new BlockMap(rest);
    }

    /// <summary>What is in both maps, with this one's kinds.</summary>
    /// <param name="other">The other map.</param>
    /// <returns>A new map.</returns>
    public BlockMap Intersect(BlockMap other) => Except(Except(other));

    /// <inheritdoc/>
    public IEnumerator<DiskExtent> GetEnumerator() => ((IEnumerable<DiskExtent>)_extents).GetEnumerator();

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private static void Append(List<DiskExtent> joined, DiskExtent extent)
    {
        if (extent.Length == 0)
        {
            return;
        }

        if (joined.Count > 0)
        {
            DiskExtent last = joined[^1];
            if (extent.Offset < last.End)
            {
                throw new ArgumentException($"The extent {extent} begins before the end of {last}.", nameof(extent));
            }

            if (extent.Offset == last.End && extent.Kind == last.Kind)
            {
                joined[^1] = new DiskExtent(last.Offset, last.Length + extent.Length, last.Kind);
                return;
            }
        }

        joined.Add(extent);
    }

    private int FirstEndingAfter(long offset)
    {
        int low = 0;
        int high = _extents.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (_extents[middle].End <= offset)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }
}
