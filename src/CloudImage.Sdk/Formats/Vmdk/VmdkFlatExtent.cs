using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>An extent whose bytes lie in a file one after the other.</summary>
internal sealed class VmdkFlatExtent : VmdkExtent
{
    private readonly VirtualDisk _container;
    private readonly long _fileOffset;

    public VmdkFlatExtent(VirtualDisk container, long fileOffset, long start, long length)
        : base(start, length)
    {
        _container = container;
        _fileOffset = fileOffset;
    }

    public override VirtualDisk Container => _container;

    public override ValueTask<DiskPlacement> LocateAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        long fileOffset = _fileOffset + (offset - Start);
        if (!_container.IsLocal || fileOffset >= _container.Length)
        {
            return ValueTask.FromResult(Data(offset, length, fileOffset));
        }

        // The holes of a sparse file are known to the file system; asking saves reading them.
        return LocateHolesAsync(offset, long.Min(length, _container.Length - fileOffset), fileOffset, mode, cancellationToken);
    }

    private async ValueTask<DiskPlacement> LocateHolesAsync(long offset, long length, long fileOffset, IoMode mode, CancellationToken cancellationToken)
    {
        DiskPlacement hole = await _container.LocateAsync(fileOffset, length, mode, cancellationToken).ConfigureAwait(false);
        return hole.Kind == DiskExtentKind.Data
            ? Data(offset, hole.Length, fileOffset)
            : new DiskPlacement(offset, hole.Length, DiskExtentKind.Zero);
    }

    private DiskPlacement Data(long offset, long length, long fileOffset) =>
        new(offset, length, DiskExtentKind.Data, fileOffset, _container, 0, false, 0);
}
