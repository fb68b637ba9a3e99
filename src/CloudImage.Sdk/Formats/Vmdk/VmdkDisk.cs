using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>One VMDK layer: its extents one after the other.</summary>
internal sealed class VmdkDisk : MappedDisk
{
    private readonly VmdkExtent[] _extents;
    private readonly IReadOnlyList<VirtualDisk> _owned;
    private readonly bool _hasMissingParent;

    /// <summary>Joins extents, which lie one after the other from position 0.</summary>
    /// <param name="info">What is known of the disk.</param>
    /// <param name="extents">The extents.</param>
    /// <param name="owned">The files that go with the disk.</param>
    /// <param name="concerns">The reasons for distrust that opening found.</param>
    /// <param name="hasMissingParent">Whether what is unmapped belongs to a parent.</param>
    public VmdkDisk(DiskInfo info, VmdkExtent[] extents, IReadOnlyList<VirtualDisk> owned, IReadOnlyList<DiskConcern> concerns, bool hasMissingParent)
    {
        Info = info;
        _extents = extents;
        _owned = owned;
        Concerns = concerns;
        _hasMissingParent = hasMissingParent;
        IsLocal = Array.TrueForAll(extents, static extent => extent.Container is null or { IsLocal: true });
    }

    public override DiskInfo Info { get; }

    public override long Length => Info.VirtualSize;

    public override bool IsLocal { get; }

    protected override bool HasMissingParent => _hasMissingParent;

    /// <summary>The reasons for distrust that opening found.</summary>
    internal IReadOnlyList<DiskConcern> Concerns { get; }

    internal IReadOnlyList<VmdkExtent> Extents => _extents;

    protected override ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        VmdkExtent extent = FindExtent(offset);
        return extent.LocateAsync(offset, Math.Min(length, extent.End - offset), mode, cancellationToken);
    }

    protected override ValueTask ReadEncodedAsync(DiskPlacement placement, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken) =>
        FindExtent(offset).ReadEncodedAsync(buffer, offset, mode, cancellationToken);

    protected override void Dispose(bool disposing)
    {
        foreach (VirtualDisk container in _owned)
        {
            container.Dispose();
        }

        base.Dispose(disposing);
    }

    private VmdkExtent FindExtent(long offset)
    {
        int low = 0;
        int high = _extents.Length - 1;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (_extents[middle].End <= offset)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return _extents[low];
    }
}
