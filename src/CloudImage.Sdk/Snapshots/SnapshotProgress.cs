using System;

namespace CloudImage.Sdk.Snapshots;

/// <summary>How far a capture or a verification has come. Immutable.</summary>
public sealed class SnapshotProgress
{
    /// <summary>Bytes of the disk, or of the packs, that are to be worked through.</summary>
    public required long TotalBytes { get; init; }

    /// <summary>Bytes worked through so far; zeros and what is known to be unchanged count as soon as they are passed.</summary>
    public required long ProcessedBytes { get; init; }

    /// <summary>Bytes read so far.</summary>
    public required long ReadBytes { get; init; }

    /// <summary>Bytes stored so far.</summary>
    public required long StoredBytes { get; init; }

    /// <summary>Time since the work began.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>Bytes worked through in a second, in the mean so far.</summary>
    public double BytesPerSecond => Elapsed > TimeSpan.Zero ? ProcessedBytes / Elapsed.TotalSeconds : 0;

    /// <summary>The time that is left at the mean rate so far; null where nothing can be said.</summary>
    public TimeSpan? Remaining => BytesPerSecond > 0 ? TimeSpan.FromSeconds((TotalBytes - ProcessedBytes) / BytesPerSecond) : null;
}
