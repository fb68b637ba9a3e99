using System;

namespace CloudImage.Sdk.Snapshots.Collection;

/// <summary>What a store showed of what a shared repository needs of it. Immutable.</summary>
public sealed class StoreProbeResult
{
    /// <summary>In a store that fails, how long a capture may take at most before it has to begin again.</summary>
    public static TimeSpan LongestSession { get; } = TimeSpan.FromDays(3);

    /// <summary>Whether a second creation of a name was refused, and left the first content as it was.</summary>
    public required bool RefusesSecondCreate { get; init; }

    /// <summary>Whether of several that created one name at once exactly one was told that it did, and its content stands.</summary>
    public required bool HasOneWinner { get; init; }

    /// <summary>Whether a list and a read that follow a creation show the object.</summary>
    public required bool ShowsCreations { get; init; }

    /// <summary>Whether a list and a read that follow a deletion show the object no more.</summary>
    public required bool ShowsDeletions { get; init; }

    /// <summary>Whether any number of writers and collectors can share the repository without a clock; if not, it is collected by age.</summary>
    public bool IsSafe => RefusesSecondCreate && HasOneWinner && ShowsCreations && ShowsDeletions;
}
