using System;
using System.Collections.Generic;

namespace CloudImage.Sdk.IO;

/// <summary>A growing set of byte ranges, touching ones joined. Not thread-safe.</summary>
internal sealed class RangeSet
{
    private readonly SortedList<long, long> _ends = [];

    /// <summary>Adds a range.</summary>
    public void Add(long offset, long length)
    {
        if (length == 0)
        {
            return;
        }

        long end = offset + length;
        int index = FirstEndingAtOrAfter(offset);
        while (index < _ends.Count && _ends.Keys[index] <= end)
        {
            offset = Math.Min(offset, _ends.Keys[index]);
            end = Math.Max(end, _ends.Values[index]);
            _ends.RemoveAt(index);
        }

        _ends.Add(offset, end);
    }

    /// <summary>Lists what is missing below a length.</summary>
    public IEnumerable<(long Offset, long Length)> Gaps(long length)
    {
        long position = 0;
        foreach ((long offset, long end) in _ends)
        {
            if (offset >= length)
            {
                break;
            }

            if (offset > position)
            {
                yield return (position, offset - position);
            }

            position = end;
        }

        if (position < length)
        {
            yield return (position, length - position);
        }
    }

    private int FirstEndingAtOrAfter(long offset)
    {
        int low = 0;
        int high = _ends.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (_ends.Values[middle] < offset)
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
