using System;

namespace CloudImage.Sdk.Formats.Vhd;

/// <summary>How a new VHD image is made. Immutable.</summary>
/// <remarks>
/// With <see cref="DiskCreateOptions.Parent"/> the image is a differencing one; the reference needs the parent's
/// <see cref="Disks.DiskInfo.LinkageId"/>. A length that is no multiple of the alignment in force is rounded up; what
/// that adds reads as zeros.
/// </remarks>
public sealed class VhdOptions : DiskCreateOptions
{
    /// <inheritdoc/>
    public override DiskFormat Format => VhdFormat.Instance;

    /// <summary>How the disk is laid out.</summary>
    /// <value>The default value is <see cref="VhdVariant.Dynamic"/>.</value>
    public VhdVariant Variant { get; init; } = VhdVariant.Dynamic;

    /// <summary>Size of a block in bytes: 2 MiB or 512 KiB, the two that Windows opens. Fixed disks have none.</summary>
    /// <value>The default value is 2 MiB.</value>
    public int BlockSize { get; init; } = VhdConstants.DefaultBlockSize;

    /// <summary>Whether the length of the disk becomes a multiple of 1 MiB, as Azure demands of a fixed disk; otherwise one of 512 bytes.</summary>
    /// <value>The default value is <see langword="null"/>: yes for a fixed disk, no for others.</value>
    public bool? AlignToMebibyte { get; init; }

    /// <summary>The id by which children name the disk.</summary>
    /// <value>The default value is <see langword="null"/>: a new random one.</value>
    public Guid? UniqueId { get; init; }

    /// <summary>The clock that the time of creation is taken from.</summary>
    /// <value>The default value is <see cref="TimeProvider.System"/>.</value>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    internal bool IsMebibyteAligned => AlignToMebibyte ?? (Variant == VhdVariant.Fixed);
}
