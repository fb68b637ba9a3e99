using System;
using System.Collections.Generic;

namespace CloudImage.Sdk.Snapshots.Retention;

/// <summary>Which snapshots of an image are kept. A snapshot is kept when any rule keeps it. Immutable.</summary>
/// <remarks>
/// Each rule looks at one image at a time. Periods are those of the Gregorian calendar in UTC, weeks begin on Monday (ISO 8601); of each
/// period the newest snapshot is kept, and periods without a snapshot do not count.
/// </remarks>
public sealed class RetentionPolicy
{
    /// <summary>How many of the newest snapshots are kept, by their numbers.</summary>
    /// <value>The default value is 0.</value>
    public int KeepLast { get; init; }

    /// <summary>Of how many hours the newest snapshot is kept.</summary>
    /// <value>The default value is 0.</value>
    public int KeepHourly { get; init; }

    /// <summary>Of how many days the newest snapshot is kept.</summary>
    /// <value>The default value is 0.</value>
    public int KeepDaily { get; init; }

    /// <summary>Of how many weeks the newest snapshot is kept.</summary>
    /// <value>The default value is 0.</value>
    public int KeepWeekly { get; init; }

    /// <summary>Of how many months the newest snapshot is kept.</summary>
    /// <value>The default value is 0.</value>
    public int KeepMonthly { get; init; }

    /// <summary>Of how many years the newest snapshot is kept.</summary>
    /// <value>The default value is 0.</value>
    public int KeepYearly { get; init; }

    /// <summary>Snapshots that are at most this much older than the newest one of their image are kept.</summary>
    /// <value>The default value is <see cref="TimeSpan.Zero"/>: the rule keeps nothing.</value>
    public TimeSpan KeepWithin { get; init; }

    /// <summary>Snapshots with one of these tags are kept: a key, or <c>key=value</c>.</summary>
    /// <value>The default value is none.</value>
    public IReadOnlyList<string> KeepTags { get; init; } = [];

    /// <summary>Snapshots younger than this are kept whatever the rules say, by the later of their time of creation and the store's time of their commit.</summary>
    /// <value>The default value is <see cref="TimeSpan.Zero"/>.</value>
    public TimeSpan MinimumAge { get; init; }

    /// <summary>By how much the clocks of writers and store may differ before a time of creation is doubted.</summary>
    /// <value>The default value is one minute.</value>
    public TimeSpan ClockTolerance { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Whether the policy names any rule that keeps something.</summary>
    internal bool HasRule =>
        KeepLast > 0 || KeepHourly > 0 || KeepDaily > 0 || KeepWeekly > 0 || KeepMonthly > 0 || KeepYearly > 0 || KeepWithin > TimeSpan.Zero || KeepTags.Count > 0;

    internal void Validate()
    {
        foreach (int count in new[] { KeepLast, KeepHourly, KeepDaily, KeepWeekly, KeepMonthly, KeepYearly })
        {
            ArgumentOutOfRangeException.ThrowIfNegative(count, nameof(RetentionPolicy));
        }

        foreach (TimeSpan span in new[] { KeepWithin, MinimumAge, ClockTolerance })
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(span, TimeSpan.Zero, nameof(RetentionPolicy));
        }

        if (!HasRule)
        {
            throw new ArgumentException("The policy keeps nothing: it names no rule.");
        }
    }
}
