using System;
using System.Collections.Generic;
using CloudImage.Sdk.Formats.Vhd;

namespace CloudImage.Sdk.Azure.Disks;

/// <summary>What a new managed disk is like. Immutable.</summary>
public sealed class ManagedDiskWriterOptions
{
    /// <summary>The region, such as westeurope.</summary>
    public required string Location { get; init; }

    /// <summary>The kind of storage: Standard_LRS, StandardSSD_LRS, Premium_LRS, ...</summary>
    /// <value>The default value is <see langword="null"/>: the service's own choice.</value>
    public string? Sku { get; init; }

    /// <summary>V1 for machines that start with BIOS, V2 for UEFI; needed for a disk that a machine starts from.</summary>
    /// <value>The default value is <see langword="null"/>: a data disk.</value>
    public string? HyperVGeneration { get; init; }

    /// <summary>Linux or Windows for a disk that a machine starts from.</summary>
    /// <value>The default value is <see langword="null"/>: a data disk.</value>
    public string? OperatingSystem { get; init; }

    /// <summary>Availability zones.</summary>
    /// <value>The default value is empty.</value>
    public IReadOnlyList<string> Zones { get; init; } = [];

    /// <summary>Tags of the disk.</summary>
    /// <value>The default value is empty.</value>
    public IReadOnlyDictionary<string, string> Tags { get; init; } = new Dictionary<string, string>();

    /// <summary>Whether a disk that is there and waits for its upload is taken, when it has the same length; what an earlier upload wrote there and this one does not becomes zeros.</summary>
    /// <value>The default value is <see langword="false"/>.</value>
    public bool TakesExisting { get; init; }

    /// <summary>Whether a disk that this writer created and did not complete is deleted with it.</summary>
    /// <value>The default value is <see langword="true"/>. Without it, the disk waits for another upload, and costs.</value>
    public bool DeletesIncomplete { get; init; } = true;

    /// <summary>How long the signed address for the upload is good for.</summary>
    /// <value>The default value is 24 hours.</value>
    public TimeSpan AccessDuration { get; init; } = TimeSpan.FromHours(24);

    /// <summary>How often an operation of the resource manager is asked after; a time that the service names goes first where it is longer.</summary>
    /// <value>The default value is 2 s.</value>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The VHD's id and clock; the variant is always the fixed one.</summary>
    /// <value>The default value is a new id, and the system's clock.</value>
    public VhdOptions Vhd { get; init; } = new() { Variant = VhdVariant.Fixed };

    /// <summary>How many writes are under way at once, at most.</summary>
    /// <value>The default value is 16.</value>
    public int MaxConcurrentRequests { get; init; } = 16;

    /// <summary>Retries and times of the upload.</summary>
    /// <value>The default value is <see cref="PageBlobClientOptions.Default"/>.</value>
    public PageBlobClientOptions Client { get; init; } = PageBlobClientOptions.Default;

    internal void Validate()
    {
        ArgumentException.ThrowIfNullOrEmpty(Location);
        ArgumentNullException.ThrowIfNull(Zones);
        ArgumentNullException.ThrowIfNull(Tags);
        ArgumentNullException.ThrowIfNull(Vhd);
        ArgumentNullException.ThrowIfNull(Client);
        ArgumentOutOfRangeException.ThrowIfLessThan(AccessDuration, TimeSpan.FromMinutes(1));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(AccessDuration, TimeSpan.FromDays(60));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(PollInterval, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxConcurrentRequests, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxConcurrentRequests, 1024);
        if (HyperVGeneration is not (null or "V1" or "V2"))
        {
            throw new ArgumentException($"HyperVGeneration is '{HyperVGeneration}': V1 (BIOS) or V2 (UEFI) were expected.");
        }

        if (OperatingSystem is not (null or "Linux" or "Windows"))
        {
            throw new ArgumentException($"OperatingSystem is '{OperatingSystem}': Linux or Windows were expected.");
        }
    }
}
