using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.OpenStack.Glance;

/// <summary>A new image in Glance as the destination of a disk: any format that can be written front to back, uploaded as it is made.</summary>
/// <remarks>See <see cref="GlanceImageSink"/> for what completion and disposal mean. Does not own the connection.</remarks>
public sealed class GlanceImageWriter : DiskWriter
{
    private readonly GlanceImageSink _sink;
    private readonly DiskWriter _writer;

    private GlanceImageWriter(GlanceImageSink sink, DiskWriter writer)
    {
        _sink = sink;
        _writer = writer;
    }

    /// <summary>What Glance tells of the image: at the beginning, and anew once it is complete.</summary>
    public GlanceImage Image => _sink.Image;

    /// <inheritdoc/>
    public override long Length => _writer.Length;

    /// <inheritdoc/>
    public override int PreferredBlockSize => _writer.PreferredBlockSize;

    /// <inheritdoc/>
    public override int SparseBlockSize => _writer.SparseBlockSize;

    /// <inheritdoc/>
    public override bool IsLocal => false;

    /// <inheritdoc/>
    public override bool RequiresSequentialWrites => _writer.RequiresSequentialWrites;

    /// <inheritdoc/>
    public override bool RequiresPlan => _writer.RequiresPlan;

    /// <inheritdoc/>
    public override bool EncodesBlocks => _writer.EncodesBlocks;

    /// <summary>Begins an image.</summary>
    /// <param name="connection">The cloud; not owned, and used until the writer is disposed.</param>
    /// <param name="length">Length of the disk in bytes.</param>
    /// <param name="diskOptions">Format and variant, such as <c>new Qcow2Options()</c>.</param>
    /// <param name="options">Name, properties and the rest.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The writer, which the caller owns.</returns>
    /// <exception cref="ArgumentException">An option is not valid, or Glance has no name for the format.</exception>
    /// <exception cref="NotSupportedException">The format cannot be written front to back.</exception>
    /// <exception cref="OpenStackException">The service refused or failed.</exception>
    public static async Task<GlanceImageWriter> CreateAsync(OpenStackConnection connection, long length, DiskCreateOptions diskOptions, GlanceImageOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(diskOptions);
        GlanceImageSink sink = await GlanceImageSink.CreateAsync(connection, diskOptions.Format, length, options, cancellationToken).ConfigureAwait(false);
        return new GlanceImageWriter(sink, diskOptions.Format.Create(sink, length, diskOptions));
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await _sink.DisposeAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override void PlanCore(BlockMap map) => _writer.Plan(map);

    /// <inheritdoc/>
    protected override async ValueTask WriteCoreAsync(ReadOnlyMemory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        if (mode == IoMode.Synchronous)
        {
            _writer.Write(buffer.Span, offset);
            return;
        }

        await _writer.WriteAsync(buffer, offset, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override async ValueTask WriteZeroesCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        if (mode == IoMode.Synchronous)
        {
            _writer.WriteZeroes(offset, length);
            return;
        }

        await _writer.WriteZeroesAsync(offset, length, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override EncodedBlock EncodeBlockCore(ReadOnlySpan<byte> block, long offset) => _writer.EncodeBlock(block, offset);

    /// <inheritdoc/>
    protected override async ValueTask WriteEncodedCoreAsync(EncodedBlock block, IoMode mode, CancellationToken cancellationToken)
    {
        if (mode == IoMode.Synchronous)
        {
            SyncDoor.Wait(_writer.WriteEncodedAsync(block, cancellationToken));
            return;
        }

        await _writer.WriteEncodedAsync(block, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override async ValueTask CompleteCoreAsync(IoMode mode, CancellationToken cancellationToken)
    {
        if (mode == IoMode.Synchronous)
        {
            _writer.Complete();
            return;
        }

        await _writer.CompleteAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _writer.Dispose();
        base.Dispose(disposing);
    }
}
