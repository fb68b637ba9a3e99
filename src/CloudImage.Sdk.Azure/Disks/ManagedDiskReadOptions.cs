using System;

namespace CloudImage.Sdk.Azure.Disks;

/// <summary>How a managed snapshot or disk is read. Immutable.</summary>
public sealed class ManagedDiskReadOptions
{
    /// <summary>The defaults.</summary>
    public static ManagedDiskReadOptions Default { get; } = new();

    /// <summary>How long the signed address is good for.</summary>
    /// <value>The default value is 24 hours.</value>
    public TimeSpan AccessDuration { get; init; } = TimeSpan.FromHours(24);

    /// <summary>How often an operation of the resource manager is asked after.</summary>
    /// <value>The default value is 2 s.</value>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How the content is read.</summary>
    /// <value>The default value is <see cref="PageBlobDiskOptions.Default"/>.</value>
    public PageBlobDiskOptions Disk { get; init; } = PageBlobDiskOptions.Default;

    /// <summary>Retries and times of the reads.</summary>
    /// <value>The default value is <see cref="PageBlobClientOptions.Default"/>.</value>
    public PageBlobClientOptions Client { get; init; } = PageBlobClientOptions.Default;

    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(Disk);
        ArgumentNullException.ThrowIfNull(Client);
        ArgumentOutOfRangeException.ThrowIfLessThan(AccessDuration, TimeSpan.FromMinutes(1));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(AccessDuration, TimeSpan.FromDays(60));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(PollInterval, TimeSpan.Zero);
    }
}
