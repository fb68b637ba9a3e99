using System;
using System.Buffers;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <content>Over a parent, a cluster that is written in part must get its rest from there: what is missing is kept in mind.</content>
internal sealed partial class Qcow2DiskWriter
{
    private readonly Dictionary<long, Qcow2Coverage> _partial = [];

    /// <summary>Takes note of a cluster that is about to get its place: whether the rest of it is zeros, or the parent's.</summary>
    private void NoteAllocated(long cluster, bool isZero)
    {
        if (_hasParent && !isZero && !_geometry.HasExtendedL2)
        {
            _partial[cluster] = new Qcow2Coverage(GranuleLength(cluster));
        }
    }

    /// <summary>Takes note of bytes that are about to be written.</summary>
    private void NoteWritten(long cluster, int within, int count)
    {
        if (_hasParent)
        {
            int bits = _geometry.GranuleBits;
            for (int done = 0; done < count;)
            {
                int from = within + done;
                int piece = Math.Min(count - done, (1 << bits) - (from & ((1 << bits) - 1)));
                NoteGranule((cluster << (_geometry.ClusterBits - bits)) + (from >> bits), from & ((1 << bits) - 1), piece);
                done += piece;
            }
        }

        MarkSubclusters(cluster, within, count);
    }

    private void NoteGranule(long granule, int within, int count)
    {
        if (_geometry.HasExtendedL2 && !_partial.ContainsKey(granule) && IsSubclusterUnmapped(granule))
        {
            _partial[granule] = new Qcow2Coverage(GranuleLength(granule));
        }

        if (_partial.TryGetValue(granule, out Qcow2Coverage? coverage))
        {
            coverage.Add(within, count);
            if (coverage.IsComplete)
            {
                _ = _partial.Remove(granule);
            }
        }
    }

    private bool IsSubclusterUnmapped(long granule)
    {
        ulong bitmap = _map.Bitmap(granule >> 5);
        int subcluster = (int)(granule & 31);
        return ((bitmap | (bitmap >> 32)) >> subcluster & 1) == 0;
    }

    private int GranuleLength(long granule) => (int)Math.Min(1L << _geometry.GranuleBits, Length - (granule << _geometry.GranuleBits));

    private async ValueTask FillFromParentAsync(IoMode mode, CancellationToken cancellationToken)
    {
        foreach ((long granule, Qcow2Coverage coverage) in _partial.ToArray())
        {
            foreach ((long within, long length) in coverage.Gaps().ToArray())
            {
                await FillAsync((granule << _geometry.GranuleBits) + within, (int)length, mode, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async ValueTask FillAsync(long offset, int length, IoMode mode, CancellationToken cancellationToken)
    {
        byte[] rented = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            await ReadParentAsync(rented.AsMemory(0, length), offset, mode, cancellationToken).ConfigureAwait(false);
            int count = MapForWrite(offset, length, out long fileOffset);
            System.Diagnostics.Debug.Assert(count == length, "A unit of allocation lies in one piece.");
            await _dataSink.WriteAsync(rented.AsMemory(0, length), fileOffset, mode, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private async ValueTask ReadParentAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        VirtualDisk parent = _options.ParentContent
            ?? throw new InvalidOperationException($"Bytes {offset} to {offset + buffer.Length} belong to the parent, and lie in a cluster of {_geometry.ClusterSize} bytes of which other parts were written. Write whole clusters, or give Qcow2Options.ParentContent.");
        int count = await parent.ReadAsync(buffer, offset, mode, cancellationToken).ConfigureAwait(false);
        buffer.Span[count..].Clear();
    }
}
