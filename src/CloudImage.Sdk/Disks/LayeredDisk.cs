using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Disks;

/// <summary>A disk put together from layers: each one shows through where those above it are unmapped.</summary>
/// <remarks>Thread-safe like its layers, which it owns unless told otherwise. Its length is that of the top layer; beyond the end of a layer lies zero.</remarks>
public sealed class LayeredDisk : VirtualDisk
{
    private readonly VirtualDisk[] _layers;
    private readonly bool _leaveOpen;

    /// <summary>Joins layers.</summary>
    /// <param name="topToBottom">The layers, the one that was written last first.</param>
    /// <param name="leaveOpen">Whether the layers stay open when this disk is disposed.</param>
    /// <exception cref="ArgumentException">There is no layer.</exception>
    public LayeredDisk(IReadOnlyList<VirtualDisk> topToBottom, bool leaveOpen)
    {
        ArgumentNullException.ThrowIfNull(topToBottom);
        if (topToBottom.Count == 0)
        {
            throw new ArgumentException("A layered disk has at least one layer.", nameof(topToBottom));
        }

        _layers = [.. topToBottom];
        _leaveOpen = leaveOpen;
        Info = Describe(_layers);
    }

    /// <summary>Joins layers and owns them.</summary>
    /// <param name="topToBottom">The layers, the one that was written last first.</param>
    /// <exception cref="ArgumentException">There is no layer.</exception>
    public LayeredDisk(IReadOnlyList<VirtualDisk> topToBottom)
        : this(topToBottom, false)
    {
    }

    /// <summary>The layers, the one that was written last first.</summary>
    public IReadOnlyList<VirtualDisk> Layers => _layers;

    /// <inheritdoc/>
    public override DiskInfo Info { get; }

    /// <inheritdoc/>
    public override long Length => _layers[0].Length;

    /// <inheritdoc/>
    public override bool IsLocal => Array.TrueForAll(_layers, static layer => layer.IsLocal);

    /// <inheritdoc/>
    protected override async ValueTask<int> ReadCoreAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        int total = buffer.Length;
        while (buffer.Length > 0)
        {
            DiskPlacement placement = await LocateCoreAsync(offset, buffer.Length, mode, cancellationToken).ConfigureAwait(false);
            int count = (int)Math.Min(placement.Length, buffer.Length);
            if (placement.Kind == DiskExtentKind.Data || (placement.Kind == DiskExtentKind.Unmapped && offset < _layers[^1].Length))
            {
                // What no layer maps is the last one's to answer: with zeros, or by saying that its parent was not opened.
                await _layers[LayerOf(placement.Depth)].ReadAsync(buffer[..count], offset, mode, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                buffer.Span[..count].Clear();
            }

            buffer = buffer[count..];
            offset += count;
        }

        return total;
    }

    /// <inheritdoc/>
    protected override async ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        int depth = 0;
        foreach (VirtualDisk layer in _layers)
        {
            if (offset >= layer.Length)
            {
                // A parent that ends before its child reads as zeros from there on, and hides what lies under it.
                return new DiskPlacement(offset, length, DiskExtentKind.Zero, -1, null, 0, false, depth);
            }

            DiskPlacement placement = await layer.LocateAsync(offset, Math.Min(length, layer.Length - offset), mode, cancellationToken).ConfigureAwait(false);
            if (placement.Kind != DiskExtentKind.Unmapped)
            {
                return placement.AtDepth(depth + placement.Depth);
            }

            length = placement.Length;
            depth += Span(layer);
        }

        return new DiskPlacement(offset, length, DiskExtentKind.Unmapped, -1, null, 0, false, depth - 1);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!_leaveOpen)
        {
            foreach (VirtualDisk layer in _layers)
            {
                layer.Dispose();
            }
        }

        base.Dispose(disposing);
    }

    private static int Span(VirtualDisk layer) => layer is LayeredDisk layered ? layered._layers.Sum(Span) : 1;

    private int LayerOf(int depth)
    {
        int index = 0;
        while (depth >= Span(_layers[index]))
        {
            depth -= Span(_layers[index]);
            index++;
        }

        return index;
    }

    private static DiskInfo Describe(VirtualDisk[] layers)
    {
        DiskInfo top = layers[0].Info;
        return layers.Length == 1 ? top : new DiskInfo
        {
            FormatName = top.FormatName,
            Variant = top.Variant,
            VirtualSize = top.VirtualSize,
            ContainerLength = top.ContainerLength,
            AllocationUnitSize = top.AllocationUnitSize,
            LogicalSectorSize = top.LogicalSectorSize,
            PhysicalSectorSize = top.PhysicalSectorSize,
            Creator = top.Creator,
            LinkageId = top.LinkageId,
            References = top.References,
            Features = top.Features,
            Snapshots = top.Snapshots,
            Bitmaps = top.Bitmaps,
            IsDirty = Array.Exists(layers, static layer => layer.Info.IsDirty),
            IsEncrypted = top.IsEncrypted,
            Details = top.Details,
        };
    }
}
