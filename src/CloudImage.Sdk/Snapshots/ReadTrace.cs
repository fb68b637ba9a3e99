using System;
using System.Collections.Generic;
using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Snapshots;

/// <summary>Which ranges of a disk a reader touched, in the order in which he first did: what a machine reads when it boots. Immutable.</summary>
public sealed class ReadTrace
{
    /// <summary>Makes a trace.</summary>
    /// <param name="ranges">The ranges in the order of reading; kinds do not matter, empty ones are dropped.</param>
    public ReadTrace(IEnumerable<DiskExtent> ranges)
    {
        ArgumentNullException.ThrowIfNull(ranges);
        List<DiskExtent> joined = [];
        foreach (DiskExtent range in ranges)
        {
            if (range.Length == 0)
            {
                continue;
            }

            if (joined.Count > 0 && joined[^1].End == range.Offset)
            {
                joined[^1] = new DiskExtent(joined[^1].Offset, joined[^1].Length + range.Length, DiskExtentKind.Data);
            }
            else
            {
                joined.Add(new DiskExtent(range.Offset, range.Length, DiskExtentKind.Data));
            }
        }

        Ranges = joined;
    }

    /// <summary>The ranges, neighbours joined.</summary>
    public IReadOnlyList<DiskExtent> Ranges { get; }

    /// <summary>The chunks that the ranges touch, each once, in order.</summary>
    internal IEnumerable<long> Chunks(int chunkSize)
    {
        HashSet<long> seen = [];
        foreach (DiskExtent range in Ranges)
        {
            for (long chunk = range.Offset / chunkSize; chunk * chunkSize < range.End; chunk++)
            {
                if (seen.Add(chunk))
                {
                    yield return chunk;
                }
            }
        }
    }
}
