using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Snapshots.Capture;

/// <summary>Walks a disk's extents forward, range by range, so that a hole of many leaves is asked for once. One user at a time.</summary>
internal sealed class ExtentCursor : IAsyncDisposable
{
    private readonly VirtualDisk _disk;
    private IEnumerator<DiskExtent>? _local;
    private IAsyncEnumerator<DiskExtent>? _remote;
    private DiskExtent _current;

    public ExtentCursor(VirtualDisk disk) => _disk = disk;

    /// <summary>Lists the extents of a range, cut to it.</summary>
    public async ValueTask CollectAsync(long offset, long end, List<DiskExtent> extents, CancellationToken cancellationToken)
    {
        extents.Clear();
        while (offset < end)
        {
            if (offset < _current.Offset || offset >= _current.End)
            {
                await AdvanceAsync(offset, cancellationToken).ConfigureAwait(false);
            }

            long to = Math.Min(end, _current.End);
            extents.Add(new DiskExtent(offset, to - offset, _current.Kind));
            offset = to;
        }
    }

    public async ValueTask DisposeAsync()
    {
        _local?.Dispose();
        if (_remote is not null)
        {
            await _remote.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async ValueTask AdvanceAsync(long offset, CancellationToken cancellationToken)
    {
        if ((_local is null && _remote is null) || offset != _current.End)
        {
            await DisposeAsync().ConfigureAwait(false);
            _local = _disk.IsLocal ? _disk.GetExtents(offset, _disk.Length - offset).GetEnumerator() : null;
            _remote = _disk.IsLocal ? null : _disk.GetExtentsAsync(offset, _disk.Length - offset, cancellationToken).GetAsyncEnumerator(cancellationToken);
        }

        bool isThere = _local is not null ? _local.MoveNext() : await _remote!.MoveNextAsync().ConfigureAwait(false);
        DiskExtent next = isThere ? (_local is not null ? _local.Current : _remote!.Current) : default;
        if (!isThere || next.Offset != offset || next.Length <= 0)
        {
            throw new SnapshotRepositoryException($"The disk lists no extent at byte {offset} of {_disk.Length}.");
        }

        _current = next;
    }
}
