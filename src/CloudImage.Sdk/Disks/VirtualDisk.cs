using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Disks;

/// <summary>A source of disk content: positional reads and a map of what is where, no cursor.</summary>
/// <remarks>
/// Every member may be called from several threads at once. The disk owns what it was opened on, unless it was told to
/// leave it open; disposing while a read is under way is an error of the caller.
/// </remarks>
public abstract class VirtualDisk : IDisposable, IAsyncDisposable
{
    private bool _isDisposed;

    /// <summary>Format, sizes, references and features of the disk.</summary>
    public abstract DiskInfo Info { get; }

    /// <summary>Length of the disk in bytes, as a guest sees it.</summary>
    public abstract long Length { get; }

    /// <summary>Whether reads come from this machine, so that the synchronous door on a thread of one's own is the faster one.</summary>
    public virtual bool IsLocal => false;

    /// <summary>Reads bytes at an absolute position of the virtual disk.</summary>
    /// <param name="buffer">Receives the bytes; filled completely unless the disk ends first.</param>
    /// <param name="offset">Position in bytes from the start of the disk.</param>
    /// <returns>The number of bytes read; less than the buffer's length only at the end of the disk.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="offset"/> is negative.</exception>
    /// <exception cref="DiskFormatException">The container maps this position to an impossible place.</exception>
    /// <exception cref="DiskReferenceException">The range belongs to a parent that was not opened.</exception>
    /// <remarks>Safe to call from several threads at once; there is no current position.</remarks>
    public int Read(Span<byte> buffer, long offset)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        int count = Clamp(buffer.Length, offset);
        return count == 0 ? 0 : ReadCore(buffer[..count], offset);
    }

    /// <summary>Reads bytes at an absolute position of the virtual disk.</summary>
    /// <param name="buffer">Receives the bytes; filled completely unless the disk ends first.</param>
    /// <param name="offset">Position in bytes from the start of the disk.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The number of bytes read; less than the buffer's length only at the end of the disk.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="offset"/> is negative.</exception>
    /// <exception cref="DiskFormatException">The container maps this position to an impossible place.</exception>
    /// <exception cref="DiskReferenceException">The range belongs to a parent that was not opened.</exception>
    /// <remarks>Safe to call from several threads at once; there is no current position.</remarks>
    public ValueTask<int> ReadAsync(Memory<byte> buffer, long offset, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        int count = Clamp(buffer.Length, offset);
        return count == 0 ? ValueTask.FromResult(0) : ReadCoreAsync(buffer[..count], offset, IoMode.Asynchronous, cancellationToken);
    }

    /// <summary>Lists what the disk holds, in order and without gaps; neighbours of one kind are joined.</summary>
    /// <param name="offset">Position of the first byte asked for.</param>
    /// <param name="length">Length in bytes; what lies beyond the end of the disk is left out.</param>
    /// <returns>The extents, found while they are enumerated.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number is negative.</exception>
    /// <exception cref="DiskFormatException">The container's tables are impossible.</exception>
    public IEnumerable<DiskExtent> GetExtents(long offset, long length)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        return EnumerateExtents(offset, End(offset, length));
    }

    /// <summary>Lists what the disk holds, in order and without gaps; neighbours of one kind are joined.</summary>
    /// <param name="offset">Position of the first byte asked for.</param>
    /// <param name="length">Length in bytes; what lies beyond the end of the disk is left out.</param>
    /// <param name="cancellationToken">Ends the enumeration.</param>
    /// <returns>The extents, found while they are enumerated.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number is negative.</exception>
    /// <exception cref="DiskFormatException">The container's tables are impossible.</exception>
    public IAsyncEnumerable<DiskExtent> GetExtentsAsync(long offset, long length, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        return EnumerateExtentsAsync(offset, End(offset, length), cancellationToken);
    }

    /// <summary>Lists where the disk's content lies in its container, in order and without gaps.</summary>
    /// <param name="offset">Position of the first byte asked for.</param>
    /// <param name="length">Length in bytes; what lies beyond the end of the disk is left out.</param>
    /// <returns>The placements, found while they are enumerated.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number is negative.</exception>
    /// <exception cref="DiskFormatException">The container's tables are impossible.</exception>
    public IEnumerable<DiskPlacement> GetPlacements(long offset, long length)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        return EnumeratePlacements(offset, End(offset, length));
    }

    /// <summary>A range of the disk as a disk of its own: to restore or to copy a part.</summary>
    /// <param name="offset">Position of its first byte, in bytes from the start of this disk.</param>
    /// <param name="length">Its length in bytes.</param>
    /// <returns>A view that is thread-safe as this disk is and does not own it: it is good as long as this disk is open.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the disk.</exception>
    public VirtualDisk Slice(long offset, long length)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length - offset);
        return new RangeDisk(this, offset, length);
    }

    /// <summary>A read-only stream over the disk with a position of its own, such as file system readers want.</summary>
    /// <returns>A new stream; disposing it leaves the disk open.</returns>
    public Stream AsStream() => new DiskStream(this);

    /// <summary>Copies the content into a writer, which is not completed; see <see cref="DiskCopier"/>.</summary>
    /// <param name="destination">What is written; at least as long as this disk, new and not yet written.</param>
    /// <param name="options">How to copy.</param>
    /// <param name="progress">Takes reports, from any of the threads, one at a time; null for none.</param>
    /// <param name="cancellationToken">Ends the copy between two pieces; the destination is then of no use.</param>
    /// <exception cref="ArgumentException">The destination is shorter than the disk.</exception>
    /// <exception cref="DiskReferenceException">A part of the disk belongs to a parent that was not opened.</exception>
    public void CopyTo(DiskWriter destination, DiskCopyOptions options, IProgress<DiskProgress>? progress, CancellationToken cancellationToken = default) =>
        DiskCopier.Copy(this, destination, options, progress, cancellationToken);

    /// <summary>Copies the content into a writer, which is not completed; see <see cref="DiskCopier"/>.</summary>
    /// <param name="destination">What is written; at least as long as this disk, new and not yet written.</param>
    /// <param name="options">How to copy.</param>
    /// <param name="progress">Takes reports, from any thread, one at a time; null for none.</param>
    /// <param name="cancellationToken">Ends the copy between two pieces; the destination is then of no use.</param>
    /// <returns>A task that ends when everything is written, though not completed.</returns>
    /// <exception cref="ArgumentException">The destination is shorter than the disk.</exception>
    /// <exception cref="DiskReferenceException">A part of the disk belongs to a parent that was not opened.</exception>
    public Task CopyToAsync(DiskWriter destination, DiskCopyOptions options, IProgress<DiskProgress>? progress, CancellationToken cancellationToken = default) =>
        DiskCopier.CopyAsync(this, destination, options, progress, cancellationToken);

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

    internal ValueTask<int> ReadAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken) =>
        mode == IoMode.Synchronous ? ValueTask.FromResult(Read(buffer.Span, offset)) : ReadAsync(buffer, offset, cancellationToken);

    internal ValueTask<DiskPlacement> LocateAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken) =>
        SyncBridge.Settle(LocateCoreAsync(offset, length, mode, cancellationToken), mode);

    /// <summary>Reads bytes; both doors come here. The range lies within the disk and is not empty.</summary>
    /// <param name="buffer">Receives the bytes and is filled.</param>
    /// <param name="offset">Position in bytes from the start of the disk.</param>
    /// <param name="mode">How to work; what can only work asynchronously ignores it, and the caller waits.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The number of bytes read: the buffer's length.</returns>
    protected abstract ValueTask<int> ReadCoreAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken);

    /// <summary>Reads bytes on the calling thread. The range lies within the disk and is not empty.</summary>
    /// <param name="buffer">Receives the bytes and is filled.</param>
    /// <param name="offset">Position in bytes from the start of the disk.</param>
    /// <returns>The number of bytes read: the buffer's length.</returns>
    protected virtual unsafe int ReadCore(Span<byte> buffer, long offset)
    {
        fixed (byte* pointer = buffer)
        {
            SpanMemory memory = SpanMemory.Rent(pointer, buffer.Length);
            try
            {
                return SyncBridge.Wait(ReadCoreAsync(memory.Memory, offset, IoMode.Synchronous, CancellationToken.None));
            }
            finally
            {
                memory.Return();
            }
        }
    }

    /// <summary>Finds the placement that begins at a position. The range lies within the disk and is not empty.</summary>
    /// <param name="offset">Position of its first byte.</param>
    /// <param name="length">The longest length to answer; a shorter answer is always allowed.</param>
    /// <param name="mode">How to work; what can only work asynchronously ignores it, and the caller waits.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A placement of at least one byte.</returns>
    protected abstract ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken);

    /// <summary>Releases what the disk holds.</summary>
    /// <param name="disposing">Whether <see cref="Dispose()"/> was called.</param>
    protected virtual void Dispose(bool disposing)
    {
    }

    private int Clamp(int count, long offset) => offset >= Length ? 0 : (int)Math.Min(count, Length - offset);

    private long End(long offset, long length) => length > Length - Math.Min(offset, Length) ? Length : offset + length;

    private IEnumerable<DiskExtent> EnumerateExtents(long offset, long end)
    {
        DiskExtent pending = new(offset, 0, default);
        while (offset < end)
        {
            DiskPlacement placement = SyncBridge.Wait(LocateCoreAsync(offset, end - offset, IoMode.Synchronous, CancellationToken.None));
            if (TryJoin(ref pending, placement, out DiskExtent finished))
            {
                yield return finished;
            }

            offset = placement.End;
        }

        if (pending.Length > 0)
        {
            yield return pending;
        }
    }

    private async IAsyncEnumerable<DiskExtent> EnumerateExtentsAsync(long offset, long end, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        DiskExtent pending = new(offset, 0, default);
        while (offset < end)
        {
            DiskPlacement placement = await LocateCoreAsync(offset, end - offset, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
            if (TryJoin(ref pending, placement, out DiskExtent finished))
            {
                yield return finished;
            }

            offset = placement.End;
        }

        if (pending.Length > 0)
        {
            yield return pending;
        }
    }

    private static bool TryJoin(ref DiskExtent pending, in DiskPlacement next, out DiskExtent finished)
    {
        if (pending.Length > 0 && pending.Kind == next.Kind)
        {
            pending = new DiskExtent(pending.Offset, pending.Length + next.Length, pending.Kind);
            finished = default;
            return false;
        }

        finished = pending;
        pending = new DiskExtent(next.Offset, next.Length, next.Kind);
        return finished.Length > 0;
    }

    private protected virtual IEnumerable<DiskPlacement> EnumeratePlacements(long offset, long end)
    {
        while (offset < end)
        {
            DiskPlacement placement = SyncBridge.Wait(LocateCoreAsync(offset, end - offset, IoMode.Synchronous, CancellationToken.None));
            offset = placement.End;
            yield return placement;
        }
    }
}
