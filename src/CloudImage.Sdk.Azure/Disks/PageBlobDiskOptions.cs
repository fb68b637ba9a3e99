using System;

namespace CloudImage.Sdk.Azure.Disks;

/// <summary>How a page blob is read. Immutable.</summary>
public sealed class PageBlobDiskOptions
{
    /// <summary>The defaults.</summary>
    public static PageBlobDiskOptions Default { get; } = new();

    /// <summary>Whether the service is asked for an MD5 of each range, which is held against the bytes that arrive.</summary>
    /// <value>The default value is <see langword="true"/>.</value>
    public bool VerifiesChecksums { get; init; } = true;

    /// <summary>Whether an upload by <see cref="PageBlobWriter"/> that was not completed may be read, as far as it came.</summary>
    /// <value>The default value is <see langword="false"/>.</value>
    public bool AllowsUnfinished { get; init; }

    /// <summary>How many ranges one large read fetches at once.</summary>
    /// <value>The default value is 8.</value>
    public int MaxConcurrentRequests { get; init; } = 8;

    /// <summary>How many answers of up to 10,000 page ranges are kept, of about 300 KB each.</summary>
    /// <value>The default value is 64.</value>
    public int MaxCachedRangeLists { get; init; } = 64;

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxConcurrentRequests, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxConcurrentRequests, 1024);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxCachedRangeLists, 1);
    }
}
