using System;
using System.Collections.Generic;

namespace CloudImage.Sdk.OpenStack.Glance;

/// <summary>How a new image is made. Immutable.</summary>
public sealed class GlanceImageOptions
{
    /// <summary>Name of the image; names need not be unique.</summary>
    public required string Name { get; init; }

    /// <summary>Who sees it: <c>private</c>, <c>shared</c>, <c>community</c> or <c>public</c>.</summary>
    /// <value>The default value is <c>private</c>.</value>
    public string Visibility { get; init; } = "private";

    /// <summary>Further properties, such as <c>os_distro</c>, <c>hw_firmware_type</c> or <c>architecture</c>.</summary>
    /// <value>The default value is empty.</value>
    public IReadOnlyDictionary<string, string> Properties { get; init; } = new Dictionary<string, string>();

    /// <summary>Words that the image is found by.</summary>
    /// <value>The default value is empty.</value>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>The least size in GiB of a disk that it boots from.</summary>
    /// <value>The default value is <see langword="null"/>: the length of the disk in whole GiB.</value>
    public int? MinimumDiskInGibibytes { get; init; }

    /// <summary>The least memory in MiB of a server that boots from it.</summary>
    /// <value>The default value is 0: any.</value>
    public int MinimumMemoryInMebibytes { get; init; }

    /// <summary>Whether it cannot be deleted; set once it is complete and verified.</summary>
    /// <value>The default value is <see langword="false"/>.</value>
    public bool IsProtected { get; init; }

    /// <summary>The service's store that keeps it, where there are several.</summary>
    /// <value>The default value is <see langword="null"/>: the service's default.</value>
    public string? Store { get; init; }

    /// <summary>How long the service may take none of the bytes before the upload is given up.</summary>
    /// <value>The default value is five minutes.</value>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long the image may take to become active after its last byte.</summary>
    /// <value>The default value is thirty minutes.</value>
    public TimeSpan ActivationTimeout { get; init; } = TimeSpan.FromMinutes(30);

    internal void Validate()
    {
        ArgumentException.ThrowIfNullOrEmpty(Name);
        if (Visibility is not ("private" or "shared" or "community" or "public"))
        {
            throw new ArgumentException($"'{Visibility}' is no visibility: private, shared, community or public was expected.");
        }

        ArgumentOutOfRangeException.ThrowIfNegative(MinimumDiskInGibibytes ?? 0);
        ArgumentOutOfRangeException.ThrowIfNegative(MinimumMemoryInMebibytes);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(StallTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(ActivationTimeout, TimeSpan.Zero);
    }
}
