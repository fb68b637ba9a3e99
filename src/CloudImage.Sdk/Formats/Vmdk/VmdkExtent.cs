using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>A part of the disk that one line of the descriptor names. Positions are those of the whole disk.</summary>
internal abstract class VmdkExtent
{
    protected VmdkExtent(long start, long length)
    {
        Start = start;
        Length = length;
    }

    /// <summary>Position on the disk of its first byte.</summary>
    public long Start { get; }

    public long Length { get; }

    public long End => Start + Length;

    /// <summary>The file that holds it; null where there is none.</summary>
    public virtual VirtualDisk? Container => null;

    /// <summary>Finds the placement that begins at a position within this extent.</summary>
    public abstract ValueTask<DiskPlacement> LocateAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken);

    /// <summary>Decodes a range that was located as compressed.</summary>
    public virtual ValueTask ReadEncodedAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken) =>
        throw new InvalidOperationException("The extent does not compress.");
}
