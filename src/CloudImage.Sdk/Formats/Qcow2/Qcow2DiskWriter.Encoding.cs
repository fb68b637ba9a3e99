using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;
using static CloudImage.Sdk.Formats.Qcow2.Qcow2Constants;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <content>Compressed clusters: encoded on any thread, packed byte by byte. Clusters that come in parts are gathered first.</content>
internal sealed partial class Qcow2DiskWriter
{
    private const int MaxPendingLength = 32 << 20;

    private readonly Dictionary<long, PendingCluster> _pending = [];

    protected override EncodedBlock EncodeBlockCore(ReadOnlySpan<byte> block, long offset)
    {
        if (_encoder is null)
        {
            return base.EncodeBlockCore(block, offset);
        }

        if ((offset & (_geometry.ClusterSize - 1)) != 0 || block.Length != ClusterEnd(offset) - offset)
        {
            throw new ArgumentException($"{block.Length} bytes at offset {offset} are no whole cluster of {_geometry.ClusterSize} bytes.", nameof(block));
        }

        return _encoder.Encode(block, offset);
    }

    protected override async ValueTask WriteEncodedCoreAsync(EncodedBlock block, IoMode mode, CancellationToken cancellationToken)
    {
        if (block.Kind == Qcow2ClusterEncoder.Zero)
        {
            await WriteZeroesCoreAsync(block.Offset, block.PlainLength, mode, cancellationToken).ConfigureAwait(false);
            return;
        }

        long fileOffset;
        if (block.Kind == Qcow2ClusterEncoder.Plain)
        {
            fileOffset = PlaceWhole(block.Offset >> _geometry.ClusterBits);
        }
        else
        {
            fileOffset = PlaceCompressed(block.Offset >> _geometry.ClusterBits, block.Content.Length);
        }

        await _dataSink.WriteAsync(block.Content, fileOffset, mode, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Writes a part of one cluster compressed; false where the cluster has a place of its own already.</summary>
    private async ValueTask<bool> TryWriteEncodedAsync(ReadOnlyMemory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        bool isWhole = (offset & (_geometry.ClusterSize - 1)) == 0 && offset + buffer.Length == ClusterEnd(offset);
        if (isWhole)
        {
            using EncodedBlock block = _encoder!.Encode(buffer.Span, offset);
            await WriteEncodedCoreAsync(block, mode, cancellationToken).ConfigureAwait(false);
            return true;
        }

        if (!TryGather(buffer.Span, offset, out PendingCluster? complete, out KeyValuePair<long, PendingCluster>? evicted))
        {
            return false;
        }

        if (complete is not null)
        {
            await WriteGatheredAsync(offset >> _geometry.ClusterBits, complete, mode, cancellationToken).ConfigureAwait(false);
        }

        if (evicted is { } oldest)
        {
            await SpillAsync(oldest.Key, oldest.Value, mode, cancellationToken).ConfigureAwait(false);
        }

        return true;
    }

    private bool TryGather(ReadOnlySpan<byte> buffer, long offset, out PendingCluster? complete, out KeyValuePair<long, PendingCluster>? evicted)
    {
        complete = null;
        evicted = null;
        long cluster = offset >> _geometry.ClusterBits;
        int within = (int)(offset & (_geometry.ClusterSize - 1));
        lock (_lock)
        {
            if (!_pending.TryGetValue(cluster, out PendingCluster? pending))
            {
                if (_map[cluster] != 0 || (_geometry.HasExtendedL2 && _map.Bitmap(cluster) != 0))
                {
                    return false;
                }

                evicted = (_pending.Count + 1L) << _geometry.ClusterBits > MaxPendingLength ? TakeOldest() : null;
                int length = (int)(ClusterEnd(offset) - (offset - within));
                pending = new PendingCluster(new byte[length], new Qcow2Coverage(length));
                _pending.Add(cluster, pending);
            }

            buffer.CopyTo(pending.Content.AsSpan(within));
            pending.Coverage.Add(within, buffer.Length);
            if (pending.Coverage.IsComplete)
            {
                _ = _pending.Remove(cluster);
                complete = pending;
            }

            return true;
        }
    }

    private KeyValuePair<long, PendingCluster> TakeOldest()
    {
        KeyValuePair<long, PendingCluster> oldest = _pending.First();
        _ = _pending.Remove(oldest.Key);

        // From here on other parts of the cluster go to its place.
        NoteAllocated(oldest.Key, false);
        AllocateCluster(oldest.Key);
        return oldest;
    }

    // Too many clusters are open: this one is stored as it is, and takes its missing parts in place.
    private async ValueTask SpillAsync(long cluster, PendingCluster pending, IoMode mode, CancellationToken cancellationToken)
    {
        long position = 0;
        foreach ((long gap, long length) in pending.Coverage.Gaps().Append((pending.Content.Length, 0)).ToArray())
        {
            if (gap > position)
            {
                int count = MapForWrite((cluster << _geometry.ClusterBits) + position, (int)(gap - position), out long fileOffset);
                System.Diagnostics.Debug.Assert(count == gap - position, "A cluster lies in one piece.");
                await _dataSink.WriteAsync(pending.Content.AsMemory((int)position, count), fileOffset, mode, cancellationToken).ConfigureAwait(false);
            }

            position = gap + length;
        }
    }

    private async ValueTask WriteGatheredAsync(long cluster, PendingCluster pending, IoMode mode, CancellationToken cancellationToken)
    {
        using EncodedBlock block = _encoder!.Encode(pending.Content, cluster << _geometry.ClusterBits);
        await WriteEncodedCoreAsync(block, mode, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask FinishPendingAsync(IoMode mode, CancellationToken cancellationToken)
    {
        foreach ((long cluster, PendingCluster pending) in _pending.ToArray())
        {
            _ = _pending.Remove(cluster);
            if (_hasParent)
            {
                foreach ((long within, long length) in pending.Coverage.Gaps().ToArray())
                {
                    await ReadParentAsync(pending.Content.AsMemory((int)within, (int)length), (cluster << _geometry.ClusterBits) + within, mode, cancellationToken).ConfigureAwait(false);
                }
            }

            await WriteGatheredAsync(cluster, pending, mode, cancellationToken).ConfigureAwait(false);
        }
    }

    private long PlaceWhole(long cluster)
    {
        lock (_lock)
        {
            ForgetPartial(cluster);
            ForgetCompressed(cluster);
            if (!IsAllocated(_map[cluster]))
            {
                AllocateCluster(cluster);
            }

            MarkSubclusters(cluster, 0, _geometry.ClusterSize);
            return (long)(_map[cluster] & OffsetMask);
        }
    }

    private long PlaceCompressed(long cluster, int length)
    {
        lock (_lock)
        {
            ForgetPartial(cluster);
            ForgetCompressed(cluster);
            ulong entry = _map[cluster];
            if (IsAllocated(entry))
            {
                // Its place stays taken and is no longer named: the count must say so.
                _allocator.ReturnBytes((long)(entry & OffsetMask), _geometry.ClusterSize);
            }

            if (_geometry.HasExtendedL2)
            {
                _map.SetBitmap(cluster, 0);
            }

            long fileOffset = _allocator.TakeBytes(length);
            if (!Qcow2CompressedDescriptor.CanEncode(fileOffset, _geometry.ClusterBits))
            {
                throw new InvalidOperationException($"Compressed data at {fileOffset} is further than an entry can name with clusters of {_geometry.ClusterSize} bytes. Use smaller clusters.");
            }

            _map[cluster] = Qcow2CompressedDescriptor.Encode(fileOffset, length, _geometry.ClusterBits);
            return fileOffset;
        }
    }

    /// <summary>A cluster that is written as a whole needs nothing of what was gathered or noted of it.</summary>
    private void ForgetPartial(long cluster)
    {
        int shift = _geometry.ClusterBits - _geometry.GranuleBits;
        for (long granule = cluster << shift; granule < (cluster + 1) << shift; granule++)
        {
            _ = _partial.Remove(granule);
        }
    }

    private void ForgetCompressed(long cluster)
    {
        _ = _pending.Remove(cluster);
        ulong entry = _map[cluster];
        if ((entry & CompressedFlag) != 0)
        {
            (long fileOffset, int length) = Qcow2CompressedDescriptor.Decode(entry, _geometry.ClusterBits);
            _allocator.ReturnBytes(fileOffset, length);
            _map[cluster] = 0;
        }
    }

    /// <summary>A cluster of which parts have come.</summary>
    private sealed class PendingCluster(byte[] content, Qcow2Coverage coverage)
    {
        public byte[] Content { get; } = content;

        public Qcow2Coverage Coverage { get; } = coverage;
    }
}
