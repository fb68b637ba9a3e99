using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Disks;

/// <summary>A writer that passes every call on to another one; what derives from it adds where the disk goes.</summary>
/// <remarks>Owns the writer that it wraps: disposing the one disposes the other.</remarks>
public abstract class DelegatingDiskWriter : DiskWriter
{
    /// <summary>Wraps a writer.</summary>
    /// <param name="inner">The writer, which this one owns from now on.</param>
    protected DelegatingDiskWriter(DiskWriter inner)
    {
        ArgumentNullException.ThrowIfNull(inner);
        Inner = inner;
    }

    /// <inheritdoc/>
    public override long Length => Inner.Length;

    /// <inheritdoc/>
    public override int PreferredBlockSize => Inner.PreferredBlockSize;

    /// <inheritdoc/>
    public override int SparseBlockSize => Inner.SparseBlockSize;

    /// <inheritdoc/>
    public override bool IsLocal => Inner.IsLocal;

    /// <inheritdoc/>
    public override bool RequiresSequentialWrites => Inner.RequiresSequentialWrites;

    /// <inheritdoc/>
    public override bool RequiresPlan => Inner.RequiresPlan;

    /// <inheritdoc/>
    public override bool EncodesBlocks => Inner.EncodesBlocks;

    /// <summary>The writer that is wrapped.</summary>
    protected DiskWriter Inner { get; }

    /// <inheritdoc/>
    protected override void PlanCore(BlockMap map) => Inner.Plan(map);

    /// <inheritdoc/>
    protected override ValueTask WriteCoreAsync(ReadOnlyMemory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken) =>
        Inner.WriteAsync(buffer, offset, mode, cancellationToken);

    /// <inheritdoc/>
    protected override ValueTask WriteZeroesCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken) =>
        Inner.WriteZeroesAsync(offset, length, mode, cancellationToken);

    /// <inheritdoc/>
    protected override EncodedBlock EncodeBlockCore(ReadOnlySpan<byte> block, long offset) => Inner.EncodeBlock(block, offset);

    /// <inheritdoc/>
    protected override ValueTask WriteEncodedCoreAsync(EncodedBlock block, IoMode mode, CancellationToken cancellationToken) =>
        Inner.WriteEncodedAsync(block, mode, cancellationToken);

    /// <inheritdoc/>
    protected override ValueTask CompleteCoreAsync(IoMode mode, CancellationToken cancellationToken) => Inner.CompleteAsync(mode, cancellationToken);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        Inner.Dispose();
        base.Dispose(disposing);
    }
}
