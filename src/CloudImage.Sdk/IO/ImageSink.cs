using System;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.IO;

/// <summary>What the bytes of a new container are written to: a file, a pipe, an object being uploaded.</summary>
/// <remarks>
/// <para>Nothing is visible under the final name before <see cref="CompleteAsync(CancellationToken)"/>; disposal without it leaves nothing behind.</para>
/// <para>Writes to disjoint ranges may be made from several threads at once, unless <see cref="IsSequential"/>. Ranges
/// that were never written, below the final length, read as zeros.</para>
/// </remarks>
public abstract class ImageSink : IDisposable, IAsyncDisposable
{
    private bool _isDisposed;
    private bool _isComplete;

    /// <summary>Whether each write must begin where the one before it ended, as in a pipe.</summary>
    public virtual bool IsSequential => false;

    /// <summary>Whether the bytes stay on this machine.</summary>
    public virtual bool IsLocal => false;

    /// <summary>The plain name of what is written, without its folder; empty where there is none.</summary>
    public virtual string Name => string.Empty;

    /// <summary>Writes bytes at an absolute position of the container.</summary>
    /// <param name="buffer">The bytes.</param>
    /// <param name="fileOffset">Position in bytes from the start of the container.</param>
    /// <exception cref="InvalidOperationException">The sink is sequential and the position is not the end, or it was completed.</exception>
    public void Write(ReadOnlySpan<byte> buffer, long fileOffset)
    {
        ThrowIfUnusable();
        ArgumentOutOfRangeException.ThrowIfNegative(fileOffset);
        WriteCore(buffer, fileOffset);
    }

    /// <summary>Writes bytes at an absolute position of the container.</summary>
    /// <param name="buffer">The bytes; not changed or reused until the task ends.</param>
    /// <param name="fileOffset">Position in bytes from the start of the container.</param>
    /// <param name="cancellationToken">Ends the wait; the range is then in an unknown state.</param>
    /// <returns>A task that ends when the sink has taken the bytes; see <see cref="FlushAsync(CancellationToken)"/> for their durability.</returns>
    /// <exception cref="InvalidOperationException">The sink is sequential and the position is not the end, or it was completed.</exception>
    public ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, long fileOffset, CancellationToken cancellationToken = default)
    {
        ThrowIfUnusable();
        ArgumentOutOfRangeException.ThrowIfNegative(fileOffset);
        return WriteCoreAsync(buffer, fileOffset, IoMode.Asynchronous, cancellationToken);
    }

    /// <summary>Makes every write that ended before it durable before any that begins after it.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that ends when the barrier holds.</returns>
    public ValueTask FlushAsync(CancellationToken cancellationToken = default) => FlushAsync(IoMode.Asynchronous, cancellationToken);

    /// <summary>Sets the length of the container; a range that this adds reads as zeros.</summary>
    /// <param name="length">The length in bytes.</param>
    /// <exception cref="InvalidOperationException">The sink is sequential and the length is not what was written.</exception>
    public void SetLength(long length)
    {
        ThrowIfUnusable();
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        SetLengthCore(length);
    }

    /// <summary>Publishes the container under its name. Called once, after the last write.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that ends when the container is published, and durable where the sink promises it.</returns>
    public ValueTask CompleteAsync(CancellationToken cancellationToken = default) => CompleteAsync(IoMode.Asynchronous, cancellationToken);

    /// <summary>Begins another container beside this one, such as an extent of a split image.</summary>
    /// <param name="name">A plain name, without a folder.</param>
    /// <returns>A sink, which the caller owns.</returns>
    /// <exception cref="NotSupportedException">The sink has no place for further containers.</exception>
    public virtual ImageSink CreateSibling(string name) =>
        throw new NotSupportedException($"'{Name}' is written to a single stream, which has no place for a further file '{name}'. Write to a folder instead.");

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc/>
    public virtual ValueTask DisposeAsync()
    {
        Dispose();
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    internal ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, long fileOffset, IoMode mode, CancellationToken cancellationToken)
    {
        ThrowIfUnusable();
        if (mode == IoMode.Synchronous)
        {
            WriteCore(buffer.Span, fileOffset);
            return ValueTask.CompletedTask;
        }

        return WriteCoreAsync(buffer, fileOffset, mode, cancellationToken);
    }

    internal ValueTask FlushAsync(IoMode mode, CancellationToken cancellationToken)
    {
        ThrowIfUnusable();
        return SyncBridge.Settle(FlushCoreAsync(mode, cancellationToken), mode);
    }

    internal async ValueTask CompleteAsync(IoMode mode, CancellationToken cancellationToken)
    {
        ThrowIfUnusable();
        await SyncBridge.Settle(CompleteCoreAsync(mode, cancellationToken), mode).ConfigureAwait(false);
        _isComplete = true;
    }

    /// <summary>Writes bytes; both doors come here.</summary>
    /// <param name="buffer">The bytes.</param>
    /// <param name="fileOffset">Position in bytes from the start of the container.</param>
    /// <param name="mode">How to work; what can only work asynchronously ignores it, and the caller waits.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that ends when the sink has taken the bytes.</returns>
    protected abstract ValueTask WriteCoreAsync(ReadOnlyMemory<byte> buffer, long fileOffset, IoMode mode, CancellationToken cancellationToken);

    /// <summary>Writes bytes on the calling thread.</summary>
    /// <param name="buffer">The bytes.</param>
    /// <param name="fileOffset">Position in bytes from the start of the container.</param>
    protected virtual unsafe void WriteCore(ReadOnlySpan<byte> buffer, long fileOffset)
    {
        fixed (byte* pointer = buffer)
        {
            SpanMemory memory = SpanMemory.Rent(pointer, buffer.Length);
            try
            {
                SyncBridge.Wait(WriteCoreAsync(memory.Memory, fileOffset, IoMode.Synchronous, CancellationToken.None));
            }
            finally
            {
                memory.Return();
            }
        }
    }

    /// <summary>Makes what was written durable, as far as the sink's durability asks for it.</summary>
    /// <param name="mode">How to work.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that ends when the barrier holds.</returns>
    protected abstract ValueTask FlushCoreAsync(IoMode mode, CancellationToken cancellationToken);

    /// <summary>Sets the length of the container.</summary>
    /// <param name="length">The length in bytes.</param>
    protected abstract void SetLengthCore(long length);

    /// <summary>Publishes the container.</summary>
    /// <param name="mode">How to work.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that ends when the container is published.</returns>
    protected abstract ValueTask CompleteCoreAsync(IoMode mode, CancellationToken cancellationToken);

    /// <summary>Releases what the sink holds, and removes what was not completed.</summary>
    /// <param name="disposing">Whether <see cref="Dispose()"/> was called.</param>
    protected virtual void Dispose(bool disposing) => _isDisposed = true;

    private void ThrowIfUnusable()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (_isComplete)
        {
            throw new InvalidOperationException("The container is complete and takes no further writes.");
        }
    }
}
