using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Disks;

/// <summary>A disk whose content is found by mapping a position to a place: the one reading loop of every format.</summary>
internal abstract class MappedDisk : VirtualDisk
{
    /// <summary>Whether unmapped ranges belong to a parent that was not opened, so that reading one is an error, not zeros.</summary>
    protected virtual bool HasMissingParent => false;

    protected override async ValueTask<int> ReadCoreAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        int total = buffer.Length;
        while (buffer.Length > 0)
        {
            DiskPlacement placement = await LocateCoreAsync(offset, buffer.Length, mode, cancellationToken).ConfigureAwait(false);
            int count = (int)Math.Min(placement.Length, buffer.Length);
            await ReadPlacementAsync(placement, buffer[..count], offset, mode, cancellationToken).ConfigureAwait(false);
            buffer = buffer[count..];
            offset += count;
        }

        return total;
    }

    /// <summary>Decodes a range whose bytes do not lie verbatim in the container; the range may be a part of an encoded unit.</summary>
    protected virtual ValueTask ReadEncodedAsync(DiskPlacement placement, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken) =>
        throw new InvalidOperationException("The disk mapped a range to encoded bytes and does not decode any.");

    private ValueTask ReadPlacementAsync(DiskPlacement placement, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        if (placement.Kind == DiskExtentKind.Data)
        {
            return placement.Container is { } container
                ? ReadVerbatimAsync(container, buffer, placement.ContainerOffset, mode, cancellationToken)
                : ReadEncodedAsync(placement, buffer, offset, mode, cancellationToken);
        }

        if (placement.Kind == DiskExtentKind.Unmapped && HasMissingParent)
        {
            throw DiskReferenceException.ParentNotOpened(Info, offset);
        }

        buffer.Span.Clear();
        return ValueTask.CompletedTask;
    }

    // A container may end inside its last cluster: what is not there reads as zeros, as every peer does.
    private static ValueTask ReadVerbatimAsync(VirtualDisk container, Memory<byte> buffer, long fileOffset, IoMode mode, CancellationToken cancellationToken)
    {
        if (mode == IoMode.Synchronous)
        {
            int count = container.Read(buffer.Span, fileOffset);
            buffer.Span[count..].Clear();
            return ValueTask.CompletedTask;
        }

        return FillAsync(container, buffer, fileOffset, cancellationToken);

        static async ValueTask FillAsync(VirtualDisk container, Memory<byte> buffer, long fileOffset, CancellationToken cancellationToken)
        {
            int count = await container.ReadAsync(buffer, fileOffset, cancellationToken).ConfigureAwait(false);
            buffer.Span[count..].Clear();
        }
    }
}
