using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;
using static CloudImage.Sdk.Formats.Qcow2.Qcow2Constants;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>Writes a new image to a sink that takes writes anywhere: clusters are appended as they come, tables follow at the end.</summary>
/// <remarks>
/// Thread-safe for disjoint ranges: places are given out under a lock, bytes are written outside of it. Every cluster of
/// the sink that is given out reads as zeros, so a cluster that is written in part needs nothing else, except over a parent.
/// </remarks>
internal sealed partial class Qcow2DiskWriter : DiskWriter
{
    private static readonly byte[] s_zeroes = new byte[65536];

    private readonly ImageSink _sink;
    private readonly ImageSink _dataSink;
    private readonly Qcow2Options _options;
    private readonly Qcow2Geometry _geometry;
    private readonly Qcow2L2Map _map;
    private readonly Qcow2Allocator _allocator;
    private readonly Qcow2ClusterEncoder? _encoder;
    private readonly bool _hasParent;
    private readonly Lock _lock = new();

    public Qcow2DiskWriter(ImageSink sink, ImageSink? dataSink, Qcow2Options options, Qcow2Geometry geometry)
    {
        _sink = sink;
        _dataSink = dataSink ?? sink;
        _options = options;
        _geometry = geometry;
        _map = new Qcow2L2Map(geometry);
        _allocator = new Qcow2Allocator(geometry);
        _encoder = options.Compression == Qcow2Compression.None ? null : new Qcow2ClusterEncoder(options);
        _hasParent = options.Parent is not null;
        if (Qcow2OptionsValidator.MapsEverything(options))
        {
            for (long cluster = 0; cluster < geometry.Clusters; cluster++)
            {
                AllocateCluster(cluster);
                MarkSubclusters(cluster, 0, geometry.ClusterSize);
            }
        }
    }

    public override long Length => _geometry.Length;

    public override int PreferredBlockSize => _geometry.ClusterSize;

    public override bool EncodesBlocks => _encoder is not null;

    protected override async ValueTask WriteCoreAsync(ReadOnlyMemory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        while (buffer.Length > 0)
        {
            int count = _encoder is null ? buffer.Length : (int)Math.Min(buffer.Length, ClusterEnd(offset) - offset);
            if (_encoder is null || !await TryWriteEncodedAsync(buffer[..count], offset, mode, cancellationToken).ConfigureAwait(false))
            {
                count = MapForWrite(offset, count, out long fileOffset);
                await _dataSink.WriteAsync(buffer[..count], fileOffset, mode, cancellationToken).ConfigureAwait(false);
            }

            buffer = buffer[count..];
            offset += count;
        }
    }

    protected override async ValueTask WriteZeroesCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        long end = offset + length;
        while (offset < end)
        {
            long next = SkipEmptyTable(offset, end);
            if (next == offset)
            {
                next = Math.Min(end, ClusterEnd(offset));
                if (!TryMarkZero(offset, (int)(next - offset)))
                {
                    await WriteZeroBytesAsync(offset, (int)(next - offset), mode, cancellationToken).ConfigureAwait(false);
                }
            }

            offset = next;
        }
    }

    protected override async ValueTask CompleteCoreAsync(IoMode mode, CancellationToken cancellationToken)
    {
        await FinishPendingAsync(mode, cancellationToken).ConfigureAwait(false);
        await FillFromParentAsync(mode, cancellationToken).ConfigureAwait(false);
        if (!ReferenceEquals(_dataSink, _sink))
        {
            // The data file is complete before the image that names it appears.
            _dataSink.SetLength(Length);
            await _dataSink.CompleteAsync(mode, cancellationToken).ConfigureAwait(false);
        }

        await new Qcow2MetadataWriter(_sink, _options, _geometry, _map, _allocator).WriteAsync(mode, cancellationToken).ConfigureAwait(false);
        await _sink.CompleteAsync(mode, cancellationToken).ConfigureAwait(false);
    }

    protected override void Dispose(bool disposing)
    {
        _encoder?.Dispose();
        if (!ReferenceEquals(_dataSink, _sink))
        {
            _dataSink.Dispose();
        }

        _sink.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>Stores zeros in a cluster that cannot be zero by its entry.</summary>
    private async ValueTask WriteZeroBytesAsync(long offset, int count, IoMode mode, CancellationToken cancellationToken)
    {
        bool canGather = _encoder is not null && count < ClusterEnd(offset) - (offset & -_geometry.ClusterSize);
        while (count > 0)
        {
            int piece = Math.Min(s_zeroes.Length, count);
            if (!canGather || !await TryWriteEncodedAsync(s_zeroes.AsMemory(0, piece), offset, mode, cancellationToken).ConfigureAwait(false))
            {
                piece = MapForWrite(offset, piece, out long fileOffset);
                await _dataSink.WriteAsync(s_zeroes.AsMemory(0, piece), fileOffset, mode, cancellationToken).ConfigureAwait(false);
            }

            offset += piece;
            count -= piece;
        }
    }

    private long ClusterEnd(long offset)
    {
        long end = ((offset >> _geometry.ClusterBits) + 1) << _geometry.ClusterBits;
        return end < 0 || end > Length ? Length : end;
    }

    /// <summary>Gives a range its place, as far as it lies in one piece; answers how many bytes do.</summary>
    private int MapForWrite(long offset, int count, out long fileOffset)
    {
        lock (_lock)
        {
            int within = (int)(offset & (_geometry.ClusterSize - 1));
            long cluster = offset >> _geometry.ClusterBits;
            fileOffset = -1;
            int done = 0;
            while (done < count)
            {
                int piece = Math.Min(count - done, _geometry.ClusterSize - within);
                long host = PlaceForWrite(cluster, offset + done, fileOffset < 0 ? -1 : fileOffset + done);
                if (host < 0)
                {
                    break;
                }

                fileOffset = fileOffset < 0 ? host + within : fileOffset;
                NoteWritten(cluster, within, piece);
                done += piece;
                cluster++;
                within = 0;
            }

            return done;
        }
    }

    /// <summary>The cluster's place, given out now if it has none; -1 when it is not the place that is wanted.</summary>
    private long PlaceForWrite(long cluster, long offset, long wanted)
    {
        ulong entry = _map[cluster];
        if ((entry & CompressedFlag) != 0)
        {
            throw new InvalidOperationException($"The cluster at offset {offset} was written before and is compressed: a part of it cannot be written again.");
        }

        long host = IsAllocated(entry) ? (long)(entry & OffsetMask)
            : _options.DataFile is not null ? cluster << _geometry.ClusterBits
            : _allocator.Clusters << _geometry.ClusterBits;
        if (wanted >= 0 && host != wanted)
        {
            return -1;
        }

        if (!IsAllocated(entry))
        {
            NoteAllocated(cluster, (entry & ZeroFlag) != 0);
            AllocateCluster(cluster);
        }

        return host;
    }

    private bool IsAllocated(ulong entry) =>
        (entry & OffsetMask) != 0 || (_options.DataFile is not null && (entry & CopiedFlag) != 0);

    private void AllocateCluster(long cluster)
    {
        long host = _options.DataFile is not null ? cluster << _geometry.ClusterBits : _allocator.Append(1);
        _map[cluster] = (ulong)host | CopiedFlag;
    }

    private void MarkSubclusters(long cluster, int within, int count)
    {
        if (_geometry.HasExtendedL2)
        {
            ulong mask = SubclusterMask(within, within + count, true);
            _map.SetBitmap(cluster, (_map.Bitmap(cluster) | mask) & ~(mask << 32));
        }
    }

    /// <summary>The bits of the subclusters that a range touches, or only of those that lie in it as a whole.</summary>
    private ulong SubclusterMask(int from, int to, bool touched)
    {
        int bits = _geometry.GranuleBits;
        int round = (1 << bits) - 1;
        int first = touched ? from >> bits : (from + round) >> bits;
        int end = touched ? (to + round) >> bits : to >> bits;
        return end <= first ? 0 : ((1UL << (end - first)) - 1) << first;
    }

    /// <summary>Without a parent, a table that is not there is zeros already: answers where the next one begins.</summary>
    private long SkipEmptyTable(long offset, long end)
    {
        if (_hasParent)
        {
            return offset;
        }

        lock (_lock)
        {
            int coverageBits = _geometry.ClusterBits + _geometry.L2Bits;
            while (offset < end && _map.TableAt((int)(offset >> coverageBits)) is null)
            {
                long next = ((offset >> coverageBits) + 1) << coverageBits;
                offset = next < 0 || next > end ? end : next;
            }

            return offset;
        }
    }

    /// <summary>Makes a part of a cluster zero by its entry alone; false where bytes must be written.</summary>
    private bool TryMarkZero(long offset, int count)
    {
        long cluster = offset >> _geometry.ClusterBits;
        int within = (int)(offset & (_geometry.ClusterSize - 1));

        // The end of the disk ends its last cluster too.
        int end = offset + count == Length ? _geometry.ClusterSize : within + count;
        lock (_lock)
        {
            ulong entry = _map[cluster];
            bool isWhole = within == 0 && end == _geometry.ClusterSize;
            if (isWhole)
            {
                ForgetCompressed(cluster);
                entry = _map[cluster];
            }
            else if (_pending.ContainsKey(cluster) || (entry & CompressedFlag) != 0)
            {
                return false;
            }

            if (IsAllocated(entry))
            {
                return TryMarkSubclustersZero(cluster, within, end);
            }

            if (!_hasParent || (entry & ZeroFlag) != 0)
            {
                return true;
            }

            if (_geometry.HasExtendedL2)
            {
                return TryMarkSubclustersZero(cluster, within, end);
            }

            if (isWhole && _options.Version >= 3)
            {
                _map[cluster] = ZeroFlag;
                return true;
            }

            return false;
        }
    }

    // Subclusters without bytes of their own become zero by a bit; those that have them, or are touched in part, are written.
    private bool TryMarkSubclustersZero(long cluster, int within, int end)
    {
        if (!_geometry.HasExtendedL2)
        {
            return false;
        }

        ulong whole = SubclusterMask(within, end, false);
        ulong bitmap = _map.Bitmap(cluster);
        if (whole != SubclusterMask(within, end, true) || (bitmap & whole) != 0)
        {
            return !_hasParent && (bitmap & SubclusterMask(within, end, true)) == 0;
        }

        if (_hasParent)
        {
            _map.SetBitmap(cluster, bitmap | (whole << 32));
        }

        return true;
    }
}
