using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Ova;

/// <summary>A disk without a file: it starts empty.</summary>
internal sealed class ZeroDisk : VirtualDisk
{
    public ZeroDisk(long length) => Info = new DiskInfo { FormatName = "raw", Variant = "empty", VirtualSize = length };

    public override DiskInfo Info { get; }

    public override long Length => Info.VirtualSize;

    public override bool IsLocal => true;

    protected override ValueTask<int> ReadCoreAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        buffer.Span.Clear();
        return ValueTask.FromResult(buffer.Length);
    }

    protected override ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken) =>
        ValueTask.FromResult(new DiskPlacement(offset, length, DiskExtentKind.Zero));
}
