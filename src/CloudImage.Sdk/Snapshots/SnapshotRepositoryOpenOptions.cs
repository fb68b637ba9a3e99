using System;
using CloudImage.Sdk.Snapshots.Encryption;
using Microsoft.Extensions.Logging;

namespace CloudImage.Sdk.Snapshots;

/// <summary>What a repository is opened with.</summary>
public sealed class SnapshotRepositoryOpenOptions
{
    /// <summary>The machine's clock, and no log.</summary>
    public static SnapshotRepositoryOpenOptions Default { get; } = new();

    /// <summary>A holder of the keys of an encrypted repository; it stays the caller's. Not looked at where there is no encryption.</summary>
    /// <value>The default value is <see langword="null"/>.</value>
    public KeyProvider? Key { get; init; }

    /// <summary>Whether an encrypted repository may be opened without a key, to verify the integrity of its objects and nothing else.</summary>
    /// <value>The default value is <see langword="false"/>: that is an error.</value>
    public bool AllowWithoutKey { get; init; }

    /// <summary>The clock that times of creation are taken from. Nothing is decided by it.</summary>
    /// <value>The default value is <see cref="TimeProvider.System"/>.</value>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Where messages go.</summary>
    /// <value>The default value is <see langword="null"/>: nowhere.</value>
    public ILoggerFactory? LoggerFactory { get; init; }

    /// <summary>What the names of sessions and pins are drawn from, in simulations that have to repeat; null for the machine's secure source.</summary>
    internal Random? NameSource { get; init; }
}
