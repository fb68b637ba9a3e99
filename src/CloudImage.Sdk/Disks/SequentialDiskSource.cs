using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Disks;

/// <summary>Disk content that comes once, in order, from something that cannot be read again: a pipe, a socket.</summary>
/// <remarks>
/// One reader at a time. The source owns what it reads from, unless it was told to leave it open. Content is delivered
/// from offset 0 to the end without gaps; every reader that wants positions opens a <see cref="VirtualDisk"/> instead.
/// </remarks>
public abstract class SequentialDiskSource : IDisposable, IAsyncDisposable
{
    private bool _isDisposed;

    /// <summary>What the headers tell; <see cref="DiskInfo.VirtualSize"/> is 0 where only the end of the input tells the length.</summary>
    public abstract DiskInfo Info { get; }

    /// <summary>Length of the disk in bytes; null until the end was read where only that tells (raw from a pipe).</summary>
    public abstract long? Length { get; }

    /// <summary>What is where, as far as it is known before the content is read; null where it is not.</summary>
    /// <value>The default value is <see langword="null"/>.</value>
    public virtual BlockMap? Map => null;

    /// <summary>Reads the next part of the disk.</summary>
    /// <param name="buffer">Receives the bytes where the part is <see cref="DiskExtentKind.Data"/>. Not empty; multiples of 64 KiB suit every format.</param>
    /// <returns>What was read: it begins where the part before it ended, its length is 0 at the end of the disk, and a part that is not data may be longer than the buffer.</returns>
    /// <exception cref="ArgumentException">The buffer is empty.</exception>
    /// <exception cref="DiskFormatException">The input is not valid, or ends too early.</exception>
    public DiskExtent ReadNext(Memory<byte> buffer) =>
        SyncBridge.Completed(ReadNextAsync(buffer, IoMode.Synchronous, CancellationToken.None));

    /// <summary>Reads the next part of the disk.</summary>
    /// <param name="buffer">Receives the bytes where the part is <see cref="DiskExtentKind.Data"/>. Not empty; multiples of 64 KiB suit every format.</param>
    /// <param name="cancellationToken">Ends the wait; the source is of no use afterwards.</param>
    /// <returns>What was read: it begins where the part before it ended, its length is 0 at the end of the disk, and a part that is not data may be longer than the buffer.</returns>
    /// <exception cref="ArgumentException">The buffer is empty.</exception>
    /// <exception cref="DiskFormatException">The input is not valid, or ends too early.</exception>
    public ValueTask<DiskExtent> ReadNextAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        ReadNextAsync(buffer, IoMode.Asynchronous, cancellationToken);

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

    internal ValueTask<DiskExtent> ReadNextAsync(Memory<byte> buffer, IoMode mode, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (buffer.IsEmpty)
        {
            throw new ArgumentException("A part of the disk is read into a buffer of at least one byte.", nameof(buffer));
        }

        return ReadNextCoreAsync(buffer, mode, cancellationToken);
    }

    /// <summary>Reads the next part of the disk; both doors come here.</summary>
    /// <param name="buffer">Receives the bytes where the part is data; not empty.</param>
    /// <param name="mode">How to work; with <see cref="IoMode.Synchronous"/> the returned task is complete.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The part; of length 0 at the end of the disk.</returns>
    protected abstract ValueTask<DiskExtent> ReadNextCoreAsync(Memory<byte> buffer, IoMode mode, CancellationToken cancellationToken);

    /// <summary>Releases what the source holds.</summary>
    /// <param name="disposing">Whether <see cref="Dispose()"/> was called.</param>
    protected virtual void Dispose(bool disposing)
    {
    }
}
