using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>Writes a new uncompressed image to a sink that only goes forward: all tables come first, made from the plan.</summary>
/// <remarks>Every cluster that the plan calls data gets a place, in the order of the disk; what is not written of it is zeros.</remarks>
internal sealed class Qcow2SequentialWriter : DiskWriter
{
    private static readonly byte[] s_zeroes = new byte[65536];

    private readonly ImageSink _sink;
    private readonly Qcow2Options _options;
    private readonly Qcow2Geometry _geometry;
    private Qcow2Plan? _plan;
    private long _position;

    public Qcow2SequentialWriter(ImageSink sink, Qcow2Options options, Qcow2Geometry geometry)
    {
        _sink = sink;
        _options = options;
        _geometry = geometry;
    }

    public override long Length => _geometry.Length;

    public override int PreferredBlockSize => _geometry.ClusterSize;

    public override bool RequiresSequentialWrites => true;

    public override bool RequiresPlan => true;

    protected override void PlanCore(BlockMap map)
    {
        if (_position > 0)
        {
            throw new InvalidOperationException("The plan comes before the first write.");
        }

        _plan = new Qcow2Plan(map, _options, _geometry);
    }

    protected override async ValueTask WriteCoreAsync(ReadOnlyMemory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        Qcow2Plan plan = await BeginAsync(mode, cancellationToken).ConfigureAwait(false);
        while (buffer.Length > 0)
        {
            (long fileOffset, long length) = plan.PlaceOf(offset);
            int count = (int)Math.Min(length, buffer.Length);
            if (fileOffset >= 0)
            {
                await PadToAsync(fileOffset, offset, mode, cancellationToken).ConfigureAwait(false);
                await _sink.WriteAsync(buffer[..count], fileOffset, mode, cancellationToken).ConfigureAwait(false);
                _position = fileOffset + count;
            }
            else if (buffer.Span[..count].ContainsAnyExcept((byte)0) || _options.Parent is not null)
            {
                throw new InvalidOperationException($"The plan has no data at offset {offset}, and {count} bytes were written there. The tables, which are already written, have no place for them.");
            }

            buffer = buffer[count..];
            offset += count;
        }
    }

    protected override async ValueTask WriteZeroesCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        // Planned clusters are zeros until something is written to them; over a parent, zeros are in the plan or nowhere.
        Qcow2Plan plan = await BeginAsync(mode, cancellationToken).ConfigureAwait(false);
        if (_options.Parent is not null && !plan.HidesParent(offset, length))
        {
            throw new InvalidOperationException($"The plan leaves {length} bytes at offset {offset} to the parent, at least in part, and zeros were written there.");
        }
    }

    protected override async ValueTask CompleteCoreAsync(IoMode mode, CancellationToken cancellationToken)
    {
        Qcow2Plan plan = await BeginAsync(mode, cancellationToken).ConfigureAwait(false);
        await PadToAsync(plan.Clusters << _geometry.ClusterBits, Length, mode, cancellationToken).ConfigureAwait(false);
        await _sink.CompleteAsync(mode, cancellationToken).ConfigureAwait(false);
    }

    protected override void Dispose(bool disposing)
    {
        _sink.Dispose();
        base.Dispose(disposing);
    }

    private async ValueTask<Qcow2Plan> BeginAsync(IoMode mode, CancellationToken cancellationToken)
    {
        Qcow2Plan plan = _plan ?? throw new InvalidOperationException("A qcow2 image that is written front to back needs its plan before the first write.");
        if (_position == 0)
        {
            using SinkBatch batch = new(_sink, _geometry.ClusterSize, mode, cancellationToken);
            await plan.WriteTablesAsync(batch).ConfigureAwait(false);
            await batch.FlushAsync().ConfigureAwait(false);
            _position = plan.DataOffset;
        }

        return plan;
    }

    private async ValueTask PadToAsync(long fileOffset, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        if (fileOffset < _position)
        {
            throw new InvalidOperationException($"The sink is sequential: the write at offset {offset} of the disk comes after one that lies behind it.");
        }

        while (_position < fileOffset)
        {
            int count = (int)Math.Min(s_zeroes.Length, fileOffset - _position);
            await _sink.WriteAsync(s_zeroes.AsMemory(0, count), _position, mode, cancellationToken).ConfigureAwait(false);
            _position += count;
        }
    }
}
