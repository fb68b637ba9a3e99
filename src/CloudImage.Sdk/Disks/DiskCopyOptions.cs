using System;

namespace CloudImage.Sdk.Disks;

/// <summary>How a disk is copied. Immutable.</summary>
public sealed class DiskCopyOptions
{
    /// <summary>The defaults: every core, zeros left out.</summary>
    public static DiskCopyOptions Default { get; } = new();

    /// <summary>How many chunks are read, encoded and written at once; 0 chooses.</summary>
    /// <value>The default value is 0: the number of processors where both ends are on this machine, else 16.</value>
    public int WorkerCount { get; init; }

    /// <summary>Whether data is searched for blocks of zeros, which are then not written.</summary>
    /// <value>The default value is <see langword="true"/>. Ranges that the source knows to be zero are never written.</value>
    public bool DetectZeroes { get; init; } = true;

    /// <summary>What shows through where the destination is not written: its parent. Only blocks that differ from it are written, zeros explicitly.</summary>
    /// <value>The default value is <see langword="null"/>: the destination is a disk of its own and starts as zeros.</value>
    public VirtualDisk? Parent { get; init; }

    /// <summary>The clock of the progress reports.</summary>
    /// <value>The default value is <see cref="TimeProvider.System"/>.</value>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
