using System;

namespace CloudImage.Sdk.Snapshots;

/// <summary>How a snapshot is read.</summary>
public sealed class SnapshotDiskOptions
{
    /// <summary>The options that serve most.</summary>
    public static SnapshotDiskOptions Default { get; } = new();

    /// <summary>How many bytes of verified chunks are kept in memory.</summary>
    /// <value>The default value is 134217728 (128 MiB). Reads of whole chunks pass the cache by.</value>
    public long CacheSize { get; init; } = 128L << 20;

    /// <summary>How many chunks are fetched ahead of a reader that moves forward in small steps.</summary>
    /// <value>The default value is 8. 0 switches it off.</value>
    public int ReadAheadChunks { get; init; } = 8;

    /// <summary>Whether a snapshot that was given up may be opened, as long as its packs are there.</summary>
    /// <value>The default value is <see langword="false"/>.</value>
    public bool AllowRetired { get; init; }

    /// <summary>Whether the snapshot is pinned while the disk is open: its packs then stay, even when it is given up and collected meanwhile.</summary>
    /// <value>The default value is <see langword="false"/>: nothing is written. A pin is two small objects; it ends when the disk is disposed.</value>
    public bool Pin { get; init; }

    /// <summary>Whether the disk notes what is read of it, for <see cref="SnapshotDisk.GetTrace"/>.</summary>
    /// <value>The default value is <see langword="false"/>.</value>
    public bool RecordTrace { get; init; }

    /// <summary>Whether the cache is filled by the trace that is kept with the snapshot, in the background, as soon as the disk is open.</summary>
    /// <value>The default value is <see langword="false"/>. See <see cref="SnapshotDisk.PrefetchAsync"/>.</value>
    public bool Prefetch { get; init; }

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegative(CacheSize);
        ArgumentOutOfRangeException.ThrowIfNegative(ReadAheadChunks);
    }
}
