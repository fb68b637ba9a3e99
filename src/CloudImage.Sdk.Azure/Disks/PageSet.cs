using System;
using System.Collections.Generic;
using System.Threading;

namespace CloudImage.Sdk.Azure.Disks;

/// <summary>A set of byte ranges, touching ones joined. Thread-safe.</summary>
internal sealed class PageSet
{
    private readonly Lock _lock = new();
    private readonly List<(long Start, long End)> _ranges = [];

    public PageSet()
    {
    }

    public PageSet(IEnumerable<(long Start, long End)> ranges)
    {
        foreach ((long start, long end) in ranges)
        {
            Add(start, end);
        }
    }

    /// <summary>The sum of the lengths.</summary>
    public long Length
    {
        get
        {
            lock (_lock)
            {
                long length = 0;
                foreach ((long start, long end) in _ranges)
                {
                    length += end - start;
                }

                return length;
            }
        }
    }

    public bool IsEmpty
    {
        get
        {
            lock (_lock)
            {
                return _ranges.Count == 0;
            }
        }
    }

    public void Add(long start, long end)
    {
        lock (_lock)
        {
            int first = FirstEndingAtOrBehind(start);
            int last = first;
            while (last < _ranges.Count && _ranges[last].Start <= end)
            {
                start = Math.Min(start, _ranges[last].Start);
                end = Math.Max(end, _ranges[last].End);
                last++;
            }

            if (last == first + 1)
            {
                _ranges[first] = (start, end);
                return;
            }

            _ranges.RemoveRange(first, last - first);
            _ranges.Insert(first, (start, end));
        }
    }

    public void Remove(long start, long end)
    {
        lock (_lock)
        {
            int first = FirstEndingAtOrBehind(start + 1);
            int last = first;
            (long, long)? before = null;
            (long, long)? behind = null;
            while (last < _ranges.Count && _ranges[last].Start < end)
            {
                before ??= _ranges[last].Start < start ? (_ranges[last].Start, start) : null;
                behind = _ranges[last].End > end ? (end, _ranges[last].End) : null;
                last++;
            }

            _ranges.RemoveRange(first, last - first);
            if (behind is { } rest)
            {
                _ranges.Insert(first, rest);
            }

            if (before is { } start2)
            {
                _ranges.Insert(first, start2);
            }
        }
    }

    /// <summary>Whether all of a range is in the set.</summary>
    public bool Covers(long start, long end)
    {
        lock (_lock)
        {
            int index = FirstEndingAtOrBehind(start + 1);
            return index < _ranges.Count && _ranges[index].Start <= start && _ranges[index].End >= end;
        }
    }

    /// <summary>The parts of a range that are in the set, in order.</summary>
    public List<(long Start, long End)> Intersect(long start, long end)
    {
        List<(long, long)> parts = [];
        lock (_lock)
        {
            for (int index = FirstEndingAtOrBehind(start + 1); index < _ranges.Count && _ranges[index].Start < end; index++)
            {
                parts.Add((Math.Max(start, _ranges[index].Start), Math.Min(end, _ranges[index].End)));
            }
        }

        return parts;
    }

    /// <summary>Index of the first range whose end is not before a position.</summary>
    private int FirstEndingAtOrBehind(long position)
    {
        int low = 0;
        int high = _ranges.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (_ranges[middle].End < position)
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
