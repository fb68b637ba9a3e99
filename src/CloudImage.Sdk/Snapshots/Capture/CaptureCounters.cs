namespace CloudImage.Sdk.Snapshots.Capture;

/// <summary>What a run of the pipeline counted.</summary>
internal sealed class CaptureCounters
{
    public long ProcessedBytes { get; set; }

    public long ReadBytes { get; set; }

    public long ZeroChunks { get; set; }

    public long UnchangedChunks { get; set; }

    public long DuplicateChunks { get; set; }

    public long NewChunks { get; set; }

    public long DeclinedChunks { get; set; }
}
