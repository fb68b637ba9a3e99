namespace CloudImage.Sdk.Snapshots.Retention;

/// <summary>What decided over a snapshot.</summary>
public enum RetentionRule
{
    /// <summary>No rule keeps it: it goes.</summary>
    None = 0,

    /// <summary>It is one of the newest.</summary>
    Last = 1,

    /// <summary>It is the newest of its hour.</summary>
    Hourly = 2,

    /// <summary>It is the newest of its day.</summary>
    Daily = 3,

    /// <summary>It is the newest of its week.</summary>
    Weekly = 4,

    /// <summary>It is the newest of its month.</summary>
    Monthly = 5,

    /// <summary>It is the newest of its year.</summary>
    Yearly = 6,

    /// <summary>It is near enough to the newest one.</summary>
    Within = 7,

    /// <summary>It has a tag that is kept.</summary>
    Tag = 8,

    /// <summary>It is under a legal hold.</summary>
    Hold = 9,

    /// <summary>It is younger than the minimum age.</summary>
    MinimumAge = 10,

    /// <summary>Its time of creation cannot be trusted, so that no rule of periods may drop it.</summary>
    UncertainTime = 11,
}
