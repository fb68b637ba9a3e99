using System;
using Microsoft.Extensions.Logging;

namespace CloudImage.Sdk.Snapshots;

/// <summary>What a repository is opened with.</summary>
public sealed class SnapshotRepositoryOpenOptions
{
    /// <summary>The machine's clock, and no log.</summary>
    public static SnapshotRepositoryOpenOptions Default { get; } = new();

    /// <summary>The clock that times of creation are taken from. Nothing is decided by it.</summary>
    /// <value>The default value is <see cref="TimeProvider.System"/>.</value>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Where messages go.</summary>
    /// <value>The default value is <see langword="null"/>: nowhere.</value>
    public ILoggerFactory? LoggerFactory { get; init; }
}
