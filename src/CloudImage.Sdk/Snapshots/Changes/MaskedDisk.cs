using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Snapshots.Changes;

/// <summary>
/// A disk whose map says zero wherever a change map says nothing: of two disks behind one mask, a comparison looks at the changed
/// ranges alone. What it reads is the disk's own. Thread-safe; the disk is not owned.
/// </summary>
internal sealed class MaskedDisk(VirtualDisk disk, BlockMap changes) : VirtualDisk
{
    public override DiskInfo Info => disk.Info;

    public override long Length => disk.Length;

    public override bool IsLocal => disk.IsLocal;

    protected override ValueTask<int> ReadCoreAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken) =>
        disk.ReadAsync(buffer, offset, mode, cancellationToken);

    protected override async ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        foreach (DiskExtent change in changes.Slice(offset, length))
        {
            if (change.Offset > offset)
            {
                return new DiskPlacement(offset, change.Offset - offset, DiskExtentKind.Zero);
            }

            DiskPlacement placement = await disk.LocateAsync(offset, Math.Min(length, change.Length), mode, cancellationToken).ConfigureAwait(false);
            return new DiskPlacement(offset, placement.Length, placement.Kind == DiskExtentKind.Data ? DiskExtentKind.Data : DiskExtentKind.Zero);
        }

        return new DiskPlacement(offset, length, DiskExtentKind.Zero);
    }
}
