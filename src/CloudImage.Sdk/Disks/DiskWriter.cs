using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Disks;

/// <summary>A sink for disk content: positional writes; nothing is published without <see cref="CompleteAsync(CancellationToken)"/>.</summary>
/// <remarks>
/// <para>Ranges that are never written read as zeros, or as the parent where the new disk has one. Disjoint ranges may be
/// written from several threads at once, unless <see cref="RequiresSequentialWrites"/>.</para>
/// <para>Disposal without <see cref="CompleteAsync(CancellationToken)"/> leaves nothing behind.</para>
/// </remarks>
public abstract class DiskWriter : IDisposable, IAsyncDisposable
{
    private bool _isDisposed;
    private bool _isComplete;

    /// <summary>Length of the new disk in bytes, as a guest will see it.</summary>
    public abstract long Length { get; }

    /// <summary>The size in bytes of the aligned blocks that are cheapest to write: a cluster, a block, a grain, a page.</summary>
    public abstract int PreferredBlockSize { get; }

    /// <summary>The size in bytes of the aligned blocks that may be left out, each for itself, when they are zero; what is written to the rest of a larger block costs no more.</summary>
    /// <value>The default value is <see cref="PreferredBlockSize"/>.</value>
    public virtual int SparseBlockSize => PreferredBlockSize;

    /// <summary>Whether what is written stays on this machine, so that the synchronous door on a thread of one's own is the faster one.</summary>
    public virtual bool IsLocal => Sink?.IsLocal ?? false;

    /// <summary>Whether each write must lie behind the one before it, as in a pipe or an archive.</summary>
    public virtual bool RequiresSequentialWrites => false;

    /// <summary>Whether <see cref="Plan"/> must be called before the first write.</summary>
    public virtual bool RequiresPlan => false;

    /// <summary>Whether blocks are compressed or otherwise encoded, so that <see cref="EncodeBlock"/> on many threads pays.</summary>
    public virtual bool EncodesBlocks => false;

    /// <summary>What the writer of a format writes to; null for writers that are no files.</summary>
    internal ImageSink? Sink { get; set; }

    /// <summary>Tells the writer before the first write which ranges may hold data, so that it can lay out the container.</summary>
    /// <param name="map">The extents of the source, covering the disk; what is not <see cref="DiskExtentKind.Data"/> is never written as data.</param>
    public void Plan(BlockMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        ThrowIfUnusable();
        PlanCore(map);
    }

    /// <summary>Writes bytes at an absolute position of the virtual disk.</summary>
    /// <param name="buffer">The bytes.</param>
    /// <param name="offset">Position in bytes from the start of the disk.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the disk.</exception>
    /// <exception cref="InvalidOperationException">The writer is complete, or wants its writes in order and this one is not.</exception>
    public unsafe void Write(ReadOnlySpan<byte> buffer, long offset)
    {
        ThrowIfUnusable();
        ThrowIfOutside(offset, buffer.Length);
        if (buffer.IsEmpty)
        {
            return;
        }

        fixed (byte* pointer = buffer)
        {
            SpanMemory memory = SpanMemory.Rent(pointer, buffer.Length);
            try
            {
                SyncBridge.Wait(WriteCoreAsync(memory.Memory, offset, IoMode.Synchronous, CancellationToken.None));
            }
            finally
            {
                memory.Return();
            }
        }
    }

    /// <summary>Writes bytes at an absolute position of the virtual disk.</summary>
    /// <param name="buffer">The bytes; not changed or reused until the task ends.</param>
    /// <param name="offset">Position in bytes from the start of the disk.</param>
    /// <param name="cancellationToken">Ends the wait; the range is then in an unknown state.</param>
    /// <returns>A task that ends when the bytes are taken.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the disk.</exception>
    /// <exception cref="InvalidOperationException">The writer is complete, or wants its writes in order and this one is not.</exception>
    public ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, long offset, CancellationToken cancellationToken = default)
    {
        ThrowIfUnusable();
        ThrowIfOutside(offset, buffer.Length);
        return buffer.IsEmpty ? ValueTask.CompletedTask : WriteCoreAsync(buffer, offset, IoMode.Asynchronous, cancellationToken);
    }

    /// <summary>Makes a range read as zeros, with as little stored as the format allows.</summary>
    /// <param name="offset">Position in bytes from the start of the disk.</param>
    /// <param name="length">Length in bytes.</param>
    /// <remarks>Needed only over a parent, or over what was written before: a new disk is zeros.</remarks>
    public void WriteZeroes(long offset, long length)
    {
        ThrowIfUnusable();
        ThrowIfOutside(offset, length);
        SyncBridge.Wait(WriteZeroesCoreAsync(offset, length, IoMode.Synchronous, CancellationToken.None));
    }

    /// <summary>Makes a range read as zeros, with as little stored as the format allows.</summary>
    /// <param name="offset">Position in bytes from the start of the disk.</param>
    /// <param name="length">Length in bytes.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that ends when the range is taken.</returns>
    /// <remarks>Needed only over a parent, or over what was written before: a new disk is zeros.</remarks>
    public ValueTask WriteZeroesAsync(long offset, long length, CancellationToken cancellationToken = default)
    {
        ThrowIfUnusable();
        ThrowIfOutside(offset, length);
        return WriteZeroesCoreAsync(offset, length, IoMode.Asynchronous, cancellationToken);
    }

    /// <summary>Encodes one whole aligned block, on any thread, for <see cref="WriteEncodedAsync(EncodedBlock, CancellationToken)"/>.</summary>
    /// <param name="block">The plain bytes: <see cref="PreferredBlockSize"/> of them, or fewer at the end of the disk.</param>
    /// <param name="offset">Position of the block on the virtual disk.</param>
    /// <returns>The encoded block, which the caller gives to <see cref="WriteEncodedAsync(EncodedBlock, CancellationToken)"/> or disposes.</returns>
    /// <exception cref="NotSupportedException">The writer does not encode: see <see cref="EncodesBlocks"/>.</exception>
    public EncodedBlock EncodeBlock(ReadOnlySpan<byte> block, long offset)
    {
        ThrowIfUnusable();
        ThrowIfOutside(offset, block.Length);
        return EncodeBlockCore(block, offset);
    }

    /// <summary>Writes a block that <see cref="EncodeBlock"/> made, and disposes it.</summary>
    /// <param name="block">The encoded block.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that ends when the bytes are taken.</returns>
    /// <remarks>In order of their offsets where <see cref="RequiresSequentialWrites"/>; one call at a time.</remarks>
    public ValueTask WriteEncodedAsync(EncodedBlock block, CancellationToken cancellationToken = default) =>
        WriteEncodedAsync(block, IoMode.Asynchronous, cancellationToken);

    /// <summary>Ends the disk and publishes it. Called once, after the last write.</summary>
    public void Complete() => SyncBridge.Completed(CompleteAsync(IoMode.Synchronous, CancellationToken.None));

    /// <summary>Ends the disk and publishes it. Called once, after the last write.</summary>
    /// <param name="cancellationToken">Ends the wait; the disk is then not published.</param>
    /// <returns>A task that ends when the disk is published.</returns>
    public ValueTask CompleteAsync(CancellationToken cancellationToken = default) => CompleteAsync(IoMode.Asynchronous, cancellationToken);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            Dispose(true);
        }

        GC.SuppressFinalize(this);
    }

    /// <inheritdoc/>
    public virtual ValueTask DisposeAsync()
    {
        Dispose();
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    internal ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        ThrowIfUnusable();
        ThrowIfOutside(offset, buffer.Length);
        return buffer.IsEmpty ? ValueTask.CompletedTask : SyncBridge.Settle(WriteCoreAsync(buffer, offset, mode, cancellationToken), mode);
    }

    internal ValueTask WriteZeroesAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        ThrowIfUnusable();
        ThrowIfOutside(offset, length);
        return SyncBridge.Settle(WriteZeroesCoreAsync(offset, length, mode, cancellationToken), mode);
    }

    internal async ValueTask WriteEncodedAsync(EncodedBlock block, IoMode mode, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(block);
        ThrowIfUnusable();
        using (block)
        {
            await SyncBridge.Settle(WriteEncodedCoreAsync(block, mode, cancellationToken), mode).ConfigureAwait(false);
        }
    }

    internal async ValueTask CompleteAsync(IoMode mode, CancellationToken cancellationToken)
    {
        ThrowIfUnusable();
        await SyncBridge.Settle(CompleteCoreAsync(mode, cancellationToken), mode).ConfigureAwait(false);
        _isComplete = true;
    }

    /// <summary>Writes bytes; both doors come here. The range lies within the disk and is not empty.</summary>
    /// <param name="buffer">The bytes.</param>
    /// <param name="offset">Position in bytes from the start of the disk.</param>
    /// <param name="mode">How to work; what can only work asynchronously ignores it, and the caller waits.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that ends when the bytes are taken.</returns>
    protected abstract ValueTask WriteCoreAsync(ReadOnlyMemory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken);

    /// <summary>Makes a range read as zeros.</summary>
    /// <param name="offset">Position in bytes from the start of the disk.</param>
    /// <param name="length">Length in bytes.</param>
    /// <param name="mode">How to work.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that ends when the range is taken.</returns>
    protected abstract ValueTask WriteZeroesCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken);

    /// <summary>Ends the disk and publishes it.</summary>
    /// <param name="mode">How to work.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that ends when the disk is published.</returns>
    protected abstract ValueTask CompleteCoreAsync(IoMode mode, CancellationToken cancellationToken);

    /// <summary>Takes the map of what will be written.</summary>
    /// <param name="map">The extents of the source.</param>
    protected virtual void PlanCore(BlockMap map)
    {
    }

    /// <summary>Encodes one whole aligned block, on any thread.</summary>
    /// <param name="block">The plain bytes.</param>
    /// <param name="offset">Position of the block on the virtual disk.</param>
    /// <returns>The encoded block.</returns>
    protected virtual EncodedBlock EncodeBlockCore(ReadOnlySpan<byte> block, long offset) =>
        throw new NotSupportedException("The writer stores blocks as they are: see EncodesBlocks.");

    /// <summary>Writes a block that <see cref="EncodeBlockCore"/> made.</summary>
    /// <param name="block">The encoded block; the caller disposes it.</param>
    /// <param name="mode">How to work.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that ends when the bytes are taken.</returns>
    protected virtual ValueTask WriteEncodedCoreAsync(EncodedBlock block, IoMode mode, CancellationToken cancellationToken) =>
        throw new NotSupportedException("The writer stores blocks as they are: see EncodesBlocks.");

    /// <summary>Releases what the writer holds, and removes what was not completed.</summary>
    /// <param name="disposing">Whether <see cref="Dispose()"/> was called.</param>
    protected virtual void Dispose(bool disposing)
    {
    }

    private void ThrowIfUnusable()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (_isComplete)
        {
            throw new InvalidOperationException("The disk is complete and takes no further writes.");
        }
    }

    private void ThrowIfOutside(long offset, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length - offset);
    }
}
