using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Disks;

/// <summary>Two disks side by side, the shorter one followed by zeros: where they can differ at all.</summary>
internal sealed class DiskPair
{
    private readonly VirtualDisk _left;
    private readonly VirtualDisk _right;
    private readonly long _length;
    private bool _hasProbedLeft;
    private bool _hasProbedRight;

    public DiskPair(VirtualDisk left, VirtualDisk right, long length)
    {
        _left = left;
        _right = right;
        _length = length;
    }

    /// <summary>The first range at or behind a position in which either disk holds data that the other does not share; empty at the end. One call at a time.</summary>
    public async ValueTask<DiskExtent> NextAsync(long position, IoMode mode, CancellationToken cancellationToken)
    {
        while (position < _length)
        {
            cancellationToken.ThrowIfCancellationRequested();
            DiskPlacement left = await LocateAsync(_left, position, mode, cancellationToken).ConfigureAwait(false);
            DiskPlacement right = await LocateAsync(_right, position, mode, cancellationToken).ConfigureAwait(false);
            if (left.Kind == DiskExtentKind.Unmapped && !_hasProbedLeft)
            {
                await ProbeAsync(_left, position, mode, cancellationToken).ConfigureAwait(false);
                _hasProbedLeft = true;
            }

            if (right.Kind == DiskExtentKind.Unmapped && !_hasProbedRight)
            {
                await ProbeAsync(_right, position, mode, cancellationToken).ConfigureAwait(false);
                _hasProbedRight = true;
            }

            long length = Math.Min(left.Length, right.Length);
            if (!AreSame(left, right))
            {
                return new DiskExtent(position, length, DiskExtentKind.Data);
            }

            position += length;
        }

        return default;
    }

    /// <summary>Reads a range of a disk, and zeros behind its end.</summary>
    public static async ValueTask FillAsync(VirtualDisk disk, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        int count = await disk.ReadAsync(buffer, offset, mode, cancellationToken).ConfigureAwait(false);
        buffer.Span[count..].Clear();
    }

    /// <summary>Reads one byte of an unmapped range: it is zero, or the disk says that its parent was not opened.</summary>
    public static async ValueTask ProbeAsync(VirtualDisk disk, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        byte[] probe = new byte[1];
        await disk.ReadAsync(probe, offset, mode, cancellationToken).ConfigureAwait(false);
    }

    private static bool AreSame(in DiskPlacement left, in DiskPlacement right)
    {
        if (left.Kind != DiskExtentKind.Data || right.Kind != DiskExtentKind.Data)
        {
            return left.Kind != DiskExtentKind.Data && right.Kind != DiskExtentKind.Data;
        }

        // The very same bytes of the very same open file: a layer that both disks share.
        return left.ContainerOffset >= 0 && left.ContainerOffset == right.ContainerOffset
            && left.Container is not null && ReferenceEquals(left.Container, right.Container);
    }

    private ValueTask<DiskPlacement> LocateAsync(VirtualDisk disk, long position, IoMode mode, CancellationToken cancellationToken) =>
        position < disk.Length
            ? disk.LocateAsync(position, disk.Length - position, mode, cancellationToken)
            : ValueTask.FromResult(new DiskPlacement(position, _length - position, DiskExtentKind.Zero));
}
