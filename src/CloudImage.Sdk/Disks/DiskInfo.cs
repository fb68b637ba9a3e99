using System;
using System.Collections.Generic;

namespace CloudImage.Sdk.Disks;

/// <summary>What is known of a disk from its headers. Immutable.</summary>
public sealed class DiskInfo
{
    /// <summary>Name of the format, such as "qcow2"; "raw" for plain content, "layered" for a chain of several.</summary>
    public required string FormatName { get; init; }

    /// <summary>Length of the disk in bytes, as a guest sees it.</summary>
    public required long VirtualSize { get; init; }

    /// <summary>The variant within the format, such as "dynamic" or "streamOptimized"; null where there is but one.</summary>
    public string? Variant { get; init; }

    /// <summary>Length of the container in bytes; null where it is not known.</summary>
    public long? ContainerLength { get; init; }

    /// <summary>Unit of allocation in bytes (cluster, block, grain); 0 where there is none.</summary>
    public int AllocationUnitSize { get; init; }

    /// <summary>Logical sector size in bytes.</summary>
    /// <value>The default value is 512.</value>
    public int LogicalSectorSize { get; init; } = 512;

    /// <summary>Physical sector size in bytes.</summary>
    /// <value>The default value is 512.</value>
    public int PhysicalSectorSize { get; init; } = 512;

    /// <summary>The program that made the image, as far as it says so.</summary>
    public string? Creator { get; init; }

    /// <summary>What a child names this disk's content by (VHD: the unique id, VHDX: the data write id); null where the format has none.</summary>
    public string? LinkageId { get; init; }

    /// <summary>The other files that the image names. They are not opened by reading this.</summary>
    public IReadOnlyList<DiskReference> References { get; init; } = [];

    /// <summary>Named features in force, such as "zstd" or "extended-l2".</summary>
    public IReadOnlyList<string> Features { get; init; } = [];

    /// <summary>Snapshots kept inside the container.</summary>
    public IReadOnlyList<DiskInternalSnapshot> Snapshots { get; init; } = [];

    /// <summary>Dirty bitmaps kept inside the container.</summary>
    public IReadOnlyList<DiskBitmapInfo> Bitmaps { get; init; } = [];

    /// <summary>Whether the image says that it was not closed in order, or needs repair.</summary>
    public bool IsDirty { get; init; }

    /// <summary>Whether the content is encrypted.</summary>
    public bool IsEncrypted { get; init; }

    /// <summary>Further facts that only this format has, by name.</summary>
    public IReadOnlyDictionary<string, string> Details { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);
}
