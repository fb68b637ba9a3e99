using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Disks;

/// <summary>Feeds a copy with the data of a disk: what its map knows to be zero is neither read nor looked at.</summary>
internal sealed class DiskCopyFeed : CopyFeed
{
    private readonly VirtualDisk _source;
    private readonly CopyPlanner _planner;
    private bool _hasSeenUnmapped;

    public DiskCopyFeed(VirtualDisk source, long length, CopyShape shape)
    {
        _source = source;
        _planner = new CopyPlanner(NextDataAsync, length, shape.WindowSize);
    }

    public override ValueTask<bool> TryNextAsync(CopyChunk chunk, IoMode mode, CancellationToken cancellationToken) =>
        _planner.TryNextAsync(chunk, mode, cancellationToken);

    public override async ValueTask ReadAsync(CopyChunk chunk, CopyShape shape, IoMode mode, CancellationToken cancellationToken)
    {
        foreach (Range range in chunk.Ranges)
        {
            await DiskPair.FillAsync(_source, chunk.Buffer[range], chunk.Offset + range.Start.Value, mode, cancellationToken).ConfigureAwait(false);
            shape.AddNonZero(chunk, range.Start.Value, range.End.Value);
        }
    }

    private async ValueTask<DiskExtent> NextDataAsync(long position, IoMode mode, CancellationToken cancellationToken)
    {
        while (position < _source.Length)
        {
            cancellationToken.ThrowIfCancellationRequested();
            DiskPlacement placement = await _source.LocateAsync(position, _source.Length - position, mode, cancellationToken).ConfigureAwait(false);
            if (placement.Kind == DiskExtentKind.Data)
            {
                return new DiskExtent(position, placement.Length, DiskExtentKind.Data);
            }

            if (placement.Kind == DiskExtentKind.Unmapped && !_hasSeenUnmapped)
            {
                // Zeros, unless the disk has a parent that was not opened: then its own read says so.
                await DiskPair.ProbeAsync(_source, position, mode, cancellationToken).ConfigureAwait(false);
                _hasSeenUnmapped = true;
            }

            position = placement.End;
        }

        return default;
    }
}
