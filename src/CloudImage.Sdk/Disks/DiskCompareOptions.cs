using System;

namespace CloudImage.Sdk.Disks;

/// <summary>How two disks are compared. Immutable.</summary>
public sealed class DiskCompareOptions
{
    /// <summary>The defaults: every core, a longer disk is equal where the rest of it is zero.</summary>
    public static DiskCompareOptions Default { get; } = new();

    /// <summary>How many chunks are read and compared at once; 0 chooses.</summary>
    /// <value>The default value is 0: the number of processors where both disks are on this machine, else 16.</value>
    public int WorkerCount { get; init; }

    /// <summary>Whether disks of different lengths differ even where the rest of the longer one is zero.</summary>
    /// <value>The default value is <see langword="false"/>.</value>
    public bool IsStrict { get; init; }

    /// <summary>The clock of the progress reports.</summary>
    /// <value>The default value is <see cref="TimeProvider.System"/>.</value>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
