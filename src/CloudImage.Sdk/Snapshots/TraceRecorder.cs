using System.Collections.Generic;
using System.Threading;
using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Snapshots;

/// <summary>Notes the chunks that are read, each once, in order. Thread-safe; what comes after a million chunks is not noted.</summary>
internal sealed class TraceRecorder
{
    private const int MaxChunks = 1 << 20;
    private readonly Lock _lock = new();
    private readonly HashSet<long> _seen = [];
    private readonly List<long> _chunks = [];

    public void Note(long first, long last)
    {
        lock (_lock)
        {
            for (long chunk = first; chunk <= last && _chunks.Count < MaxChunks; chunk++)
            {
                if (_seen.Add(chunk))
                {
                    _chunks.Add(chunk);
                }
            }
        }
    }

    public ReadTrace ToTrace(int chunkSize, long length)
    {
        List<DiskExtent> ranges = [];
        lock (_lock)
        {
            foreach (long chunk in _chunks)
            {
                long offset = chunk * chunkSize;
                ranges.Add(new DiskExtent(offset, System.Math.Min(chunkSize, length - offset), DiskExtentKind.Data));
            }
        }

        return new ReadTrace(ranges);
    }
}
