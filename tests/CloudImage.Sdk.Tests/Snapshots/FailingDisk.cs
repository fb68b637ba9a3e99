using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;

namespace CloudImage.Sdk.Tests.Snapshots;

/// <summary>A disk that fails behind a position.</summary>
internal sealed class FailingDisk(byte[] content, long failsAt) : VirtualDisk
{
    public override DiskInfo Info { get; } = new() { FormatName = "failing", VirtualSize = content.Length };

    public override long Length => content.Length;

    public override bool IsLocal => true;

    protected override ValueTask<int> ReadCoreAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        if (offset + buffer.Length > failsAt)
        {
            throw new SnapshotRepositoryException("The disk failed, as it was told to.");
        }

        content.AsSpan((int)offset, buffer.Length).CopyTo(buffer.Span);
        return ValueTask.FromResult(buffer.Length);
    }

    protected override ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken) =>
        ValueTask.FromResult(new DiskPlacement(offset, length, DiskExtentKind.Data));
}
