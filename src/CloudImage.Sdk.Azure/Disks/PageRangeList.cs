using System.Collections.Generic;

namespace CloudImage.Sdk.Azure.Disks;

/// <summary>What is known of a part of a blob: its ranges in order; between them lies nothing.</summary>
internal sealed class PageRangeList(long start, long end, IReadOnlyList<PageRange> ranges)
{
    public long Start { get; } = start;

    public long End { get; } = end;

    public IReadOnlyList<PageRange> Ranges { get; } = ranges;

    /// <summary>Index of the first range that ends behind a position.</summary>
    public int Find(long offset)
    {
        int low = 0;
        int high = Ranges.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (Ranges[middle].End <= offset)
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
