using System;
using System.Threading;

namespace CloudImage.Sdk.Disks;

/// <summary>Counts work from several threads and reports it, in rising order, a few times a second.</summary>
internal sealed class ProgressMeter
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(100);
    private readonly IProgress<DiskProgress>? _progress;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly long _start;
    private long _reported;
    private long _done;

    public ProgressMeter(IProgress<DiskProgress>? progress, long total, TimeProvider time)
    {
        _progress = progress;
        _time = time;
        Total = total;
        _start = _reported = time.GetTimestamp();
    }

    /// <summary>Bytes of content in all.</summary>
    public long Total { get; }

    /// <summary>Adds finished work.</summary>
    public void Add(long bytes)
    {
        if (_progress is null)
        {
            return;
        }

        lock (_lock)
        {
            _done += bytes;
            if (_time.GetElapsedTime(_reported) >= s_interval)
            {
                _reported = _time.GetTimestamp();
                _progress.Report(new DiskProgress(Math.Min(_done, Total), Total, _time.GetElapsedTime(_start)));
            }
        }
    }

    /// <summary>Reports the end.</summary>
    public void Finish() => _progress?.Report(new DiskProgress(Total, Total, _time.GetElapsedTime(_start)));
}
