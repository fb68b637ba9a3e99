using System;
using System.Diagnostics;

namespace CloudImage.Sdk.Snapshots;

/// <summary>Gives reports of progress on at most ten times a second, with the time since it was made. One user at a time.</summary>
internal sealed class SnapshotProgressMeter(IProgress<SnapshotProgress>? progress)
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(100);
    private readonly long _startedAt = Stopwatch.GetTimestamp();
    private TimeSpan _reportedAt;

    /// <summary>Reports, unless nobody listens or the last report is too young.</summary>
    /// <param name="totalBytes">Bytes of the whole work.</param>
    /// <param name="processedBytes">Bytes that are done.</param>
    /// <param name="readBytes">Bytes read for it.</param>
    /// <param name="storedBytes">Bytes written for it.</param>
    /// <param name="isLast">Whether it is reported in any case.</param>
    public void Report(long totalBytes, long processedBytes, long readBytes, long storedBytes, bool isLast)
    {
        TimeSpan elapsed = Stopwatch.GetElapsedTime(_startedAt);
        if (progress is null || (!isLast && elapsed - _reportedAt < s_interval))
        {
            return;
        }

        _reportedAt = elapsed;
        progress.Report(new SnapshotProgress { TotalBytes = totalBytes, ProcessedBytes = processedBytes, ReadBytes = readBytes, StoredBytes = storedBytes, Elapsed = elapsed });
    }
}
