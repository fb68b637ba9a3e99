using System;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.Storage;

/// <summary>An object on its way: parts are appended, and it is created, whole, at the end.</summary>
/// <remarks>Used by one thread at a time. Disposal without <see cref="CompleteAsync"/> leaves nothing behind.</remarks>
public abstract class ObjectUpload : IAsyncDisposable
{
    private bool _isEnded;

    /// <summary>Makes an upload.</summary>
    /// <param name="name">Name of the object.</param>
    protected ObjectUpload(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        Name = name;
    }

    /// <summary>Name of the object.</summary>
    public string Name { get; }

    /// <summary>How many bytes were appended.</summary>
    public long Length { get; private set; }

    /// <summary>The checksum of the whole content, where the caller knows it before <see cref="CompleteAsync"/>: a store that wants one need not compute it.</summary>
    /// <value>The default value is of kind <see cref="ObjectChecksumKind.None"/>, or what the upload was begun with.</value>
    public ObjectChecksum Checksum { get; set; }

    /// <summary>Appends bytes.</summary>
    /// <param name="part">The bytes; not changed until the task ends.</param>
    /// <param name="cancellationToken">Ends the wait; the upload can then only be disposed.</param>
    /// <returns>A task that ends when the bytes were taken and the buffer may be used again.</returns>
    /// <exception cref="InvalidOperationException">The upload was completed, or failed, or was disposed.</exception>
    /// <exception cref="ObjectStoreException">The store failed; the upload can only be disposed.</exception>
    public async ValueTask AppendAsync(ReadOnlyMemory<byte> part, CancellationToken cancellationToken = default)
    {
        ThrowIfEnded();
        _isEnded = true;
        await AppendCoreAsync(part, cancellationToken).ConfigureAwait(false);
        Length += part.Length;
        _isEnded = false;
    }

    /// <summary>Creates the object with what was appended, unless one of its name exists. Called once.</summary>
    /// <param name="cancellationToken">Ends the wait; the object then may or may not exist.</param>
    /// <returns>Whether it was created; false: an object of this name exists, and was not touched.</returns>
    /// <exception cref="InvalidOperationException">The upload was completed, or failed, or was disposed.</exception>
    /// <exception cref="ObjectStoreException">The store failed; the object may or may not exist.</exception>
    public ValueTask<bool> CompleteAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfEnded();
        _isEnded = true;
        return CompleteCoreAsync(cancellationToken);
    }

    /// <summary>Gives the upload up, unless it was completed.</summary>
    /// <returns>A task that ends when nothing of it is left.</returns>
    public async ValueTask DisposeAsync()
    {
        _isEnded = true;
        await DisposeCoreAsync().ConfigureAwait(false);
        GC.SuppressFinalize(this);
    }

    /// <summary>Appends bytes.</summary>
    /// <param name="part">The bytes.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that ends when the bytes were taken.</returns>
    protected abstract ValueTask AppendCoreAsync(ReadOnlyMemory<byte> part, CancellationToken cancellationToken);

    /// <summary>Creates the object.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Whether it was created.</returns>
    protected abstract ValueTask<bool> CompleteCoreAsync(CancellationToken cancellationToken);

    /// <summary>Gives the upload up, unless it was completed; may be called more than once.</summary>
    /// <returns>A task that ends when nothing of it is left.</returns>
    protected abstract ValueTask DisposeCoreAsync();

    private void ThrowIfEnded()
    {
        if (_isEnded)
        {
            throw new InvalidOperationException($"The upload of object '{Name}' has ended; it was completed, disposed, or a part failed.");
        }
    }
}
