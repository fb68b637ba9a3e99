using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Disks;

/// <summary>A range of a disk as a disk of its own. Thread-safe like the disk, which it does not own.</summary>
internal sealed class RangeDisk : VirtualDisk
{
    private readonly VirtualDisk _disk;
    private readonly long _start;

    public RangeDisk(VirtualDisk disk, long offset, long length)
    {
        _disk = disk;
        _start = offset;
        Length = length;
        Info = new DiskInfo
        {
            FormatName = disk.Info.FormatName,
            Variant = disk.Info.Variant,
            VirtualSize = length,
            AllocationUnitSize = disk.Info.AllocationUnitSize,
            LogicalSectorSize = disk.Info.LogicalSectorSize,
            PhysicalSectorSize = disk.Info.PhysicalSectorSize,
        };
    }

    public override DiskInfo Info { get; }

    public override long Length { get; }

    public override bool IsLocal => _disk.IsLocal;

    protected override ValueTask<int> ReadCoreAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken) =>
        _disk.ReadAsync(buffer, _start + offset, mode, cancellationToken);

    // Where the bytes lie is the disk's own affair: what is copied in its encoded form would be addressed by its positions.
    protected override async ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        DiskPlacement placement = await _disk.LocateAsync(_start + offset, length, mode, cancellationToken).ConfigureAwait(false);
        return new DiskPlacement(offset, placement.Length, placement.Kind);
    }
}
