using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>How a new qcow2 image is made. Immutable; the defaults are those of qemu-img.</summary>
public sealed class Qcow2Options : DiskCreateOptions
{
    /// <inheritdoc/>
    public override DiskFormat Format => Qcow2Format.Instance;

    /// <summary>Size of a cluster in bytes: a power of two from 512 to 2097152.</summary>
    /// <value>The default value is 65536.</value>
    public int ClusterSize { get; init; } = 65536;

    /// <summary>Version of the format: 2 (compat 0.10) or 3 (compat 1.1).</summary>
    /// <value>The default value is 3.</value>
    public int Version { get; init; } = 3;

    /// <summary>Whether and how the written clusters are compressed.</summary>
    /// <value>The default value is <see cref="Qcow2Compression.None"/>.</value>
    public Qcow2Compression Compression { get; init; }

    /// <summary>How hard to compress: 0 to 9 for zlib, 1 to 22 for zstd; null chooses.</summary>
    /// <value>The default value is <see langword="null"/>: sizes like those of qemu-img.</value>
    public int? CompressionLevel { get; init; }

    /// <summary>The compression that the header declares for later writers when <see cref="Compression"/> is <see cref="Qcow2Compression.None"/>.</summary>
    /// <value>The default value is <see cref="Qcow2Compression.Zlib"/>.</value>
    public Qcow2Compression DeclaredCompression { get; init; } = Qcow2Compression.Zlib;

    /// <summary>Width of a reference count in bits: a power of two from 1 to 64; 16 in version 2.</summary>
    /// <value>The default value is 16.</value>
    public int RefcountBits { get; init; } = 16;

    /// <summary>Whether clusters have 32 subclusters that are allocated one by one; needs clusters of at least 16 KiB and version 3.</summary>
    /// <value>The default value is <see langword="false"/>.</value>
    public bool ExtendedL2 { get; init; }

    /// <summary>Whether later writers may let reference counts lag; needs version 3. What is written here is exact all the same.</summary>
    /// <value>The default value is <see langword="false"/>.</value>
    public bool LazyRefcounts { get; init; }

    /// <summary>Plain name of a file beside the image that takes the content; null keeps it in the image.</summary>
    /// <value>The default value is <see langword="null"/>.</value>
    public string? DataFile { get; init; }

    /// <summary>Whether the external data file is at all times a raw image of the disk; then every cluster is mapped.</summary>
    /// <value>The default value is <see langword="false"/>.</value>
    public bool IsDataFileRaw { get; init; }

    /// <summary>What is reserved beforehand.</summary>
    /// <value>The default value is <see cref="Qcow2Preallocation.Off"/>.</value>
    public Qcow2Preallocation Preallocation { get; init; }

    /// <summary>The opened content of <see cref="DiskCreateOptions.Parent"/>, from which the rest of clusters that are written in part is filled; not owned.</summary>
    /// <value>The default value is <see langword="null"/>: an overlay is then written in whole clusters, or completing it fails.</value>
    public VirtualDisk? ParentContent { get; init; }
}
