using System;

namespace CloudImage.Sdk.Snapshots;

/// <summary>What a verification looks at.</summary>
public sealed class VerifyOptions
{
    /// <summary>Everything, every byte.</summary>
    public static VerifyOptions Default { get; } = new();

    /// <summary>How deep to look.</summary>
    /// <value>The default value is <see cref="VerifyLevel.Content"/>.</value>
    public VerifyLevel Level { get; init; } = VerifyLevel.Content;

    /// <summary>The snapshot to verify, with what it refers to; null for the whole repository.</summary>
    /// <value>The default value is <see langword="null"/>.</value>
    public string? SnapshotId { get; init; }

    /// <summary>How many bytes of packs to read at most; those not read for longest come first.</summary>
    /// <value>The default value is <see cref="long.MaxValue"/>. With a limit, what was read is remembered in the repository.</value>
    public long MaxBytes { get; init; } = long.MaxValue;

    /// <summary>Packs whose content was found good within this time are not read again.</summary>
    /// <value>The default value is <see cref="TimeSpan.Zero"/>: all are read.</value>
    public TimeSpan SkipVerifiedWithin { get; init; }

    /// <summary>Whether the result is remembered in the repository even without a limit.</summary>
    /// <value>The default value is <see langword="false"/>.</value>
    public bool Remember { get; init; }

    /// <summary>How many packs are read at the same time.</summary>
    /// <value>0 for as many as there are processors, which is the default value.</value>
    public int Concurrency { get; init; }
}
