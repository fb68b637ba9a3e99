using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Snapshots.Layers;

/// <summary>
/// A layer as it reads on a new base: blocks of 4 KiB that it did not change against its old base are the new base's.
/// Thread-safe; it owns none of the three disks.
/// </summary>
internal sealed class RebasedDisk : VirtualDisk
{
    private const int BlockSize = 4096;
    private const int WindowLength = 1 << 20;
    private readonly VirtualDisk _layer;
    private readonly VirtualDisk _oldBase;
    private readonly VirtualDisk _newBase;

    public RebasedDisk(VirtualDisk layer, VirtualDisk oldBase, VirtualDisk newBase)
    {
        _layer = layer;
        _oldBase = oldBase;
        _newBase = newBase;
    }

    public override DiskInfo Info => _layer.Info;

    public override long Length => _layer.Length;

    public override bool IsLocal => _layer.IsLocal;

    /// <summary>Finds the blocks that both sides changed, and not to the same.</summary>
    public async ValueTask<BlockMap> FindConflictsAsync(BlockMap moved, CancellationToken cancellationToken)
    {
        List<DiskExtent> conflicts = [];
        byte[] layer = new byte[WindowLength];
        byte[] oldBase = new byte[WindowLength];
        byte[] newBase = new byte[WindowLength];
        foreach (DiskExtent range in moved)
        {
            for (long offset = range.Offset; offset < range.End; offset += WindowLength)
            {
                int length = (int)Math.Min(WindowLength, range.End - offset);
                await FillAsync(_layer, layer.AsMemory(0, length), offset, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
                await FillAsync(_oldBase, oldBase.AsMemory(0, length), offset, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
                await FillAsync(_newBase, newBase.AsMemory(0, length), offset, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
                for (int at = 0; at < length; at += BlockSize)
                {
                    int count = Math.Min(BlockSize, length - at);
                    ReadOnlySpan<byte> mine = layer.AsSpan(at, count);
                    ReadOnlySpan<byte> theirs = newBase.AsSpan(at, count);
                    ReadOnlySpan<byte> common = oldBase.AsSpan(at, count);
                    if (!mine.SequenceEqual(common) && !theirs.SequenceEqual(common) && !mine.SequenceEqual(theirs))
                    {
                        conflicts.Add(new DiskExtent(offset + at, count, DiskExtentKind.Data));
                    }
                }
            }
        }

        return new BlockMap(conflicts);
    }

    // Reads are taken apart at multiples of the block, so that a part of a block is decided like the whole of it.
    protected override async ValueTask<int> ReadCoreAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        long start = offset / BlockSize * BlockSize;
        long end = Math.Min(Length, (offset + buffer.Length + BlockSize - 1) / BlockSize * BlockSize);
        byte[] layer = new byte[end - start];
        byte[] oldBase = new byte[layer.Length];
        byte[] newBase = new byte[layer.Length];
        await FillAsync(_layer, layer, start, mode, cancellationToken).ConfigureAwait(false);
        await FillAsync(_oldBase, oldBase, start, mode, cancellationToken).ConfigureAwait(false);
        await FillAsync(_newBase, newBase, start, mode, cancellationToken).ConfigureAwait(false);
        for (int at = 0; at < layer.Length; at += BlockSize)
        {
            int count = Math.Min(BlockSize, layer.Length - at);
            if (layer.AsSpan(at, count).SequenceEqual(oldBase.AsSpan(at, count)))
            {
                newBase.AsSpan(at, count).CopyTo(layer.AsSpan(at));
            }
        }

        layer.AsSpan((int)(offset - start), buffer.Length).CopyTo(buffer.Span);
        return buffer.Length;
    }

    // A chunk that the layer holds is read whole, zeros too: the new base may have put something in their place.
    protected override async ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        DiskPlacement placement = await _layer.LocateAsync(offset, length, mode, cancellationToken).ConfigureAwait(false);
        DiskExtentKind kind = placement.Kind == DiskExtentKind.Unmapped ? DiskExtentKind.Unmapped : DiskExtentKind.Data;
        return new DiskPlacement(offset, placement.Length, kind);
    }

    // A base may be shorter than its layer and reads as zeros from its end on.
    private static async ValueTask FillAsync(VirtualDisk disk, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        int count = await disk.ReadAsync(buffer, offset, mode, cancellationToken).ConfigureAwait(false);
        buffer.Span[count..].Clear();
    }
}
