using System;
using System.Buffers;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Storage;

/// <summary>An upload into a directory: parts go to a file that gets its name at the end.</summary>
internal sealed class DirectoryObjectUpload : ObjectUpload
{
    /// <summary>Small parts are written together: a call to the kernel for each would be most of their cost.</summary>
    private const int BufferLength = 1 << 20;

    private readonly DirectoryObjectStore _store;
    private readonly PendingObjectFile _file;
    private readonly FileReservation _reservation;
    private byte[]? _buffer = ArrayPool<byte>.Shared.Rent(BufferLength);
    private int _buffered;
    private long _written;

    internal DirectoryObjectUpload(DirectoryObjectStore store, string name, PendingObjectFile file)
        : base(name)
    {
        _store = store;
        _file = file;
        _reservation = new FileReservation(file.Handle);
    }

    /// <inheritdoc/>
    protected override async ValueTask AppendCoreAsync(ReadOnlyMemory<byte> part, CancellationToken cancellationToken)
    {
        if (part.Length > BufferLength - _buffered)
        {
            await WriteBufferedAsync(cancellationToken).ConfigureAwait(false);
        }

        if (part.Length > BufferLength)
        {
            await WriteAsync(part, cancellationToken).ConfigureAwait(false);
            return;
        }

        part.CopyTo(_buffer.AsMemory(_buffered));
        _buffered += part.Length;
    }

    /// <inheritdoc/>
    protected override async ValueTask<bool> CompleteCoreAsync(CancellationToken cancellationToken)
    {
        await WriteBufferedAsync(cancellationToken).ConfigureAwait(false);
        return await Task.Run(() => _store.Publish(Name, _file), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override ValueTask DisposeCoreAsync()
    {
        _file.Dispose();
        if (_buffer is { } buffer)
        {
            _buffer = null;
            ArrayPool<byte>.Shared.Return(buffer);
        }

        return ValueTask.CompletedTask;
    }

    private async ValueTask WriteBufferedAsync(CancellationToken cancellationToken)
    {
        if (_buffered > 0)
        {
            await WriteAsync(_buffer.AsMemory(0, _buffered), cancellationToken).ConfigureAwait(false);
            _buffered = 0;
        }
    }

    private async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        try
        {
            _reservation.Reserve(_written, bytes.Length);
            await RandomAccess.WriteAsync(_file.Handle, bytes, _written, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw DirectoryObjectStore.ToStoreException(Name, "writing a part failed", exception);
        }

        _written += bytes.Length;
    }
}
