using System;
using System.Collections.Generic;

namespace CloudImage.Sdk.Snapshots.Packs;

/// <summary>Joins frames that lie close together in one pack, to be read in one request.</summary>
internal static class FrameRange
{
    /// <summary>More than this is not read at once, but for a single frame that is longer.</summary>
    public const int MaxLength = 4 << 20;

    /// <summary>The order of places in packs.</summary>
    public static int Compare(in FramePlace left, in FramePlace right)
    {
        int order = left.Pack.CompareTo(right.Pack);
        return order != 0 ? order : left.Offset.CompareTo(right.Offset);
    }

    /// <summary>Finds where a range ends.</summary>
    /// <param name="items">What is wanted, in the order of <see cref="Compare"/>.</param>
    /// <param name="placeOf">Where an item lies.</param>
    /// <param name="from">The first item of the range.</param>
    /// <param name="maxGap">How many bytes nobody wants may lie between two frames of the range.</param>
    /// <returns>The item after the range.</returns>
    public static int EndOf<T>(List<T> items, Func<T, FramePlace> placeOf, int from, int maxGap)
    {
        FramePlace first = placeOf(items[from]);
        long end = first.End;
        int to = from + 1;
        while (to < items.Count && placeOf(items[to]) is var place && place.Pack == first.Pack && place.Offset <= end + maxGap && place.End - first.Offset <= MaxLength)
        {
            end = Math.Max(end, place.End);
            to++;
        }

        return to;
    }
}
