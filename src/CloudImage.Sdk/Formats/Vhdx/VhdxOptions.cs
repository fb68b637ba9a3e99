using System;

namespace CloudImage.Sdk.Formats.Vhdx;

/// <summary>How a new VHDX image is made. Immutable.</summary>
/// <remarks>
/// With <see cref="DiskCreateOptions.Parent"/> the image is a differencing one; the reference needs the parent's
/// <see cref="Disks.DiskInfo.LinkageId"/>. A length that is no multiple of <see cref="LogicalSectorSize"/> is rounded
/// up; what that adds reads as zeros.
/// </remarks>
public sealed class VhdxOptions : DiskCreateOptions
{
    /// <inheritdoc/>
    public override DiskFormat Format => VhdxFormat.Instance;

    /// <summary>How the disk is laid out.</summary>
    /// <value>The default value is <see cref="VhdxVariant.Dynamic"/>.</value>
    public VhdxVariant Variant { get; init; } = VhdxVariant.Dynamic;

    /// <summary>Size of a block in bytes: a power of two from 1 MiB to 256 MiB. 0 chooses one.</summary>
    /// <value>The default value is 0: 1 MiB up to 128 GiB, and from there so many that the block table stays at 1 MiB, but 16 MiB at most.</value>
    public int BlockSize { get; init; }

    /// <summary>Size of the log in bytes, a multiple of 1 MiB. A new image's log is empty; programs that write to the image use it.</summary>
    /// <value>The default value is 1 MiB.</value>
    public int LogSize { get; init; } = VhdxConstants.MiB;

    /// <summary>Whether the table says of blocks that are not stored that they are zeros, rather than that they are not there. Without effect over a parent.</summary>
    /// <value>The default value is <see langword="true"/>.</value>
    public bool UseZeroBlockState { get; init; } = true;

    /// <summary>Logical sector size in bytes: 512 or 4096.</summary>
    /// <value>The default value is 512.</value>
    public int LogicalSectorSize { get; init; } = 512;

    /// <summary>Physical sector size in bytes: 512 or 4096.</summary>
    /// <value>The default value is 4096.</value>
    public int PhysicalSectorSize { get; init; } = 4096;

    /// <summary>The id of the disk, which a guest sees (SCSI page 83).</summary>
    /// <value>The default value is <see langword="null"/>: a new random one.</value>
    public Guid? DiskId { get; init; }

    /// <summary>The id of the content, by which children name the disk.</summary>
    /// <value>The default value is <see langword="null"/>: a new random one.</value>
    public Guid? DataWriteId { get; init; }

    internal int BlockSizeFor(long length)
    {
        if (BlockSize != 0)
        {
            return BlockSize;
        }

        int blockSize = VhdxConstants.MinBlockSize;
        while (blockSize < 16 * VhdxConstants.MiB && length / blockSize > VhdxConstants.MiB / 8)
        {
            blockSize *= 2;
        }

        return blockSize;
    }

    internal void Validate()
    {
        if (BlockSize != 0 && (BlockSize < VhdxConstants.MinBlockSize || BlockSize > VhdxConstants.MaxBlockSize || !int.IsPow2(BlockSize)))
        {
            throw new ArgumentException($"The block size is {BlockSize}; it is a power of two from 1 MiB to 256 MiB.");
        }

        if (LogSize < VhdxConstants.MiB || LogSize % VhdxConstants.MiB != 0)
        {
            throw new ArgumentException($"The log size is {LogSize}; it is a multiple of 1 MiB.");
        }

        if (LogicalSectorSize is not (512 or 4096) || PhysicalSectorSize is not (512 or 4096))
        {
            throw new ArgumentException($"The sector sizes are {LogicalSectorSize} and {PhysicalSectorSize}; each is 512 or 4096.");
        }
    }
}
