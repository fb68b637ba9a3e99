using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots.Trees;

namespace CloudImage.Sdk.Snapshots.Capture;

/// <summary>A step of the capture in the order of the disk: a unit, the end of a leaf, or a subtree that is taken as it is.</summary>
internal sealed class CaptureItem
{
    public CaptureLeaf? Leaf { get; init; }

    public CaptureUnit? Unit { get; init; }

    /// <summary>Whether the leaf is complete with this item.</summary>
    public bool EndsLeaf { get; init; }

    /// <summary>A node that needs no work: one that exists, or a reserved digest.</summary>
    public NodeRef Reference { get; init; }

    /// <summary>The level of <see cref="Reference"/>; 0 for a leaf.</summary>
    public int Level { get; init; }

    /// <summary>For a stored <see cref="Reference"/> above the leaves, what it brings with it.</summary>
    public SubtreeReach? Reach { get; init; }

    /// <summary>Bytes of the disk that are done with this item.</summary>
    public long DiskBytes { get; init; }

    /// <summary>Hands a leaf on: its units in order, the last one with its end, or its end alone.</summary>
    public static async ValueTask EmitLeafAsync(
        CaptureLeaf leaf, List<CaptureUnit> units, long diskBytes, int chunkSize, Func<CaptureItem, CancellationToken, ValueTask> emit, CancellationToken cancellationToken)
    {
        long left = diskBytes;
        for (int index = 0; index < units.Count; index++)
        {
            bool isLast = index == units.Count - 1;
            long share = isLast ? left : Math.Min(left, (long)units[index].Entries.Count * chunkSize);
            left -= share;
            await emit(new CaptureItem { Leaf = leaf, Unit = units[index], EndsLeaf = isLast, DiskBytes = share }, cancellationToken).ConfigureAwait(false);
        }

        if (units.Count == 0)
        {
            await emit(new CaptureItem { Leaf = leaf, EndsLeaf = true, DiskBytes = left }, cancellationToken).ConfigureAwait(false);
        }
    }
}
