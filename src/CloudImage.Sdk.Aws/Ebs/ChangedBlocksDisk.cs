using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>A disk of which only the blocks that a change map touches count as data, whole and whatever they hold; the rest, the parent's, says zero, which a copy leaves out. Thread-safe; the disk is not owned.</summary>
internal sealed class ChangedBlocksDisk : VirtualDisk
{
    private readonly VirtualDisk _disk;
    private readonly BlockMap _blocks;

    public ChangedBlocksDisk(VirtualDisk disk, BlockMap changes)
    {
        _disk = disk;
        _blocks = Align(changes, disk.Length);
    }

    public override DiskInfo Info => _disk.Info;

    public override long Length => _disk.Length;

    public override bool IsLocal => _disk.IsLocal;

    protected override async ValueTask<int> ReadCoreAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken) =>
        mode == IoMode.Synchronous ? _disk.Read(buffer.Span, offset) : await _disk.ReadAsync(buffer, offset, cancellationToken).ConfigureAwait(false);

    protected override ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        foreach (DiskExtent blocks in _blocks.Slice(offset, length))
        {
            return ValueTask.FromResult(blocks.Offset > offset
                ? new DiskPlacement(offset, blocks.Offset - offset, DiskExtentKind.Zero)
                : new DiskPlacement(offset, blocks.Length, DiskExtentKind.Data));
        }

        return ValueTask.FromResult(new DiskPlacement(offset, length, DiskExtentKind.Zero));
    }

    private static BlockMap Align(BlockMap changes, long length)
    {
        List<DiskExtent> blocks = [];
        foreach (DiskExtent change in changes.Where(change => change.Offset < length))
        {
            long start = change.Offset / EbsConstants.BlockSize * EbsConstants.BlockSize;
            long end = Math.Min(length, (Math.Min(change.End, length) + EbsConstants.BlockSize - 1) / EbsConstants.BlockSize * EbsConstants.BlockSize);
            start = blocks.Count > 0 ? Math.Max(start, blocks[^1].End) : start;
            if (end > start)
            {
                blocks.Add(new DiskExtent(start, end - start, DiskExtentKind.Data));
            }
        }

        return new BlockMap(blocks);
    }
}
