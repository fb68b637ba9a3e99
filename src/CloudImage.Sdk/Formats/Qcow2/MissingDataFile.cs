using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>Stands for an external data file that was not opened: the map can be read, the content cannot.</summary>
internal sealed class MissingDataFile : VirtualDisk
{
    private readonly DiskReference _reference;

    public MissingDataFile(DiskReference reference)
    {
        _reference = reference;
        Info = new DiskInfo { FormatName = "raw", VirtualSize = long.MaxValue };
    }

    public override DiskInfo Info { get; }

    public override long Length => long.MaxValue;

    public override bool IsLocal => true;

    protected override ValueTask<int> ReadCoreAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken) =>
        throw new DiskReferenceException(_reference, $"The content of the image lies in its external data file '{_reference.Name}', which was not opened. Open the image with a resolver for referenced files.");

    protected override ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken) =>
        ValueTask.FromResult(new DiskPlacement(offset, length, DiskExtentKind.Data, offset));
}
