using System;
using System.Collections.Generic;

namespace CloudImage.Sdk.Snapshots.Collection;

/// <summary>How a repository is collected.</summary>
public sealed class CollectOptions
{
    /// <summary>Deletes what nothing refers to; touches no session that is undecided, and moves nothing.</summary>
    public static CollectOptions Default { get; } = new();

    /// <summary>Whether it is only said what would go and why; nothing is created and nothing deleted.</summary>
    /// <value>The default value is <see langword="false"/>.</value>
    public bool IsDryRun { get; init; }

    /// <summary>Sessions without a decision that left no trace for so long are given up first, so that their packs go as well.</summary>
    /// <value>The default value is <see langword="null"/>: none is. A wrong guess costs the writer a restart, never a snapshot.</value>
    public TimeSpan? AbortSessionsIdleFor { get; init; }

    /// <summary>Ids of sessions without a decision that are given up first, however old they are.</summary>
    /// <value>The default value is empty.</value>
    public IReadOnlyList<string> AbortSessions { get; init; } = [];

    /// <summary>Packs of which less than this share of bytes is still referred to are compacted: their live frames are copied, unchanged, into new packs.</summary>
    /// <value>0 to 1. The default value is 0: nothing is compacted, and no tree and no data pack is read.</value>
    public double CompactBelow { get; init; }

    /// <summary>How many bytes of frames a compaction copies at most; the sparsest packs come first.</summary>
    /// <value>The default value is 17179869184 (16 GiB).</value>
    public long MaxCompactionBytes { get; init; } = 16L << 30;

    /// <summary>In a store that fails the probe, how long packs stay condemned before they are deleted. Elsewhere it is of no meaning.</summary>
    /// <value>The default value is seven days; at least <see cref="StoreProbeResult.LongestSession"/> and one day.</value>
    public TimeSpan GracePeriod { get; init; } = TimeSpan.FromDays(7);

    internal void Validate()
    {
        if (!(CompactBelow is >= 0 and <= 1))
        {
            throw new ArgumentException($"A share is between 0 and 1, not {CompactBelow}.", nameof(CompactBelow));
        }

        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxCompactionBytes);
        ArgumentOutOfRangeException.ThrowIfLessThan(AbortSessionsIdleFor ?? TimeSpan.Zero, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(GracePeriod, StoreProbeResult.LongestSession + TimeSpan.FromDays(1));
        ArgumentNullException.ThrowIfNull(AbortSessions);
    }
}
