using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Storage;

/// <summary>A place for immutable objects: each is created whole, once, under a name that is never used again.</summary>
/// <remarks>
/// <para>Names are segments joined by '/', made of ASCII letters, digits and <c>- _ . % + = @ ~ ,</c>, at most 512 characters
/// with at most 200 in a segment; a segment neither begins nor ends with a dot. No name may be the folder of another
/// (<c>a</c> beside <c>a/b</c>), and names that differ in case alone are to be avoided: some file systems do not tell them apart.</para>
/// <para>Every member may be called from several threads at once. A created object is visible to every later read and
/// list, on every machine; <see cref="FlushAsync(CancellationToken)"/> makes it survive a loss of power.</para>
/// </remarks>
public abstract class ObjectStore : IDisposable, IAsyncDisposable
{
    private bool _isDisposed;

    /// <summary>What the store promises, and what it does well.</summary>
    public abstract ObjectStoreCapabilities Capabilities { get; }

    /// <summary>Where the store is, for messages: a path or an address, without any secret.</summary>
    public abstract string Location { get; }

    /// <summary>Creates an object, unless one of this name exists.</summary>
    /// <param name="name">Name of the object.</param>
    /// <param name="content">Its content; not changed until the task ends.</param>
    /// <param name="options">How it is created.</param>
    /// <param name="cancellationToken">Ends the wait; the object then may or may not exist.</param>
    /// <returns>Whether it was created; false: an object of this name exists, and was not touched.</returns>
    /// <exception cref="ArgumentException">The name is not allowed.</exception>
    /// <exception cref="ObjectStoreException">The store failed; the object may or may not exist.</exception>
    public ValueTask<bool> TryCreateAsync(string name, ReadOnlyMemory<byte> content, ObjectCreateOptions options, CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        ObjectNames.Validate(name);
        ArgumentNullException.ThrowIfNull(options);
        return TryCreateCoreAsync(name, content, options, cancellationToken);
    }

    /// <summary>Begins an object whose content is handed over in parts.</summary>
    /// <param name="name">Name of the object.</param>
    /// <param name="options">How it is created.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The upload, which the caller owns. Nothing is visible before <see cref="ObjectUpload.CompleteAsync"/>.</returns>
    /// <exception cref="ArgumentException">The name is not allowed.</exception>
    /// <exception cref="ObjectStoreException">The store failed.</exception>
    public ValueTask<ObjectUpload> BeginCreateAsync(string name, ObjectCreateOptions options, CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        ObjectNames.Validate(name);
        ArgumentNullException.ThrowIfNull(options);
        return BeginCreateCoreAsync(name, options, cancellationToken);
    }

    /// <summary>Reads a range of an object.</summary>
    /// <param name="name">Name of the object.</param>
    /// <param name="buffer">Receives the bytes; filled completely unless the object ends first.</param>
    /// <param name="offset">Position in bytes from the start of the object.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The number of bytes read; less than the buffer only at the end of the object, zero beyond it.</returns>
    /// <exception cref="ObjectNotFoundException">There is no such object.</exception>
    /// <exception cref="ObjectStoreException">The store failed.</exception>
    public ValueTask<int> ReadAsync(string name, Memory<byte> buffer, long offset, CancellationToken cancellationToken = default) =>
        ReadAsync(name, buffer, offset, IoMode.Asynchronous, cancellationToken);

    /// <summary>Asks for an object without its content.</summary>
    /// <param name="name">Name of the object.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>What is known of it; null: there is no such object.</returns>
    /// <exception cref="ObjectStoreException">The store failed.</exception>
    public ValueTask<ObjectInfo?> GetInfoAsync(string name, CancellationToken cancellationToken = default) =>
        GetInfoAsync(name, IoMode.Asynchronous, cancellationToken);

    /// <summary>Asks whether an object exists.</summary>
    /// <param name="name">Name of the object.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Whether it exists.</returns>
    /// <exception cref="ObjectStoreException">The store failed.</exception>
    public async ValueTask<bool> ExistsAsync(string name, CancellationToken cancellationToken = default) =>
        await GetInfoAsync(name, cancellationToken).ConfigureAwait(false) is not null;

    /// <summary>Lists objects in the ordinal order of their names.</summary>
    /// <param name="prefix">What their names begin with; empty for all.</param>
    /// <param name="startAfter">Only names that come after this one; null for all.</param>
    /// <param name="cancellationToken">Ends the listing.</param>
    /// <returns>
    /// The objects. One whose creation ended before the listing began, and whose deletion did not begin before it ended, is
    /// listed exactly once; one that is created or deleted meanwhile may be listed or not.
    /// </returns>
    /// <exception cref="ObjectStoreException">The store failed.</exception>
    public IAsyncEnumerable<ObjectInfo> ListAsync(string prefix, string? startAfter, CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        ObjectNames.ValidatePrefix(prefix);
        return ListCoreAsync(prefix, startAfter, cancellationToken);
    }

    /// <summary>Deletes objects.</summary>
    /// <param name="names">Their names; one that does not exist is a success.</param>
    /// <param name="cancellationToken">Ends the wait; some may then be deleted.</param>
    /// <returns>A task that ends when none of them is visible any more.</returns>
    /// <exception cref="ObjectStoreException">The store failed; some may be deleted.</exception>
    public ValueTask DeleteAsync(IReadOnlyList<string> names, CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        ArgumentNullException.ThrowIfNull(names);
        for (int index = 0; index < names.Count; index++)
        {
            ObjectNames.Validate(names[index]);
        }

        return names.Count == 0 ? ValueTask.CompletedTask : DeleteCoreAsync(names, cancellationToken);
    }

    /// <summary>A barrier: what this instance created, or was told to exist, before the call survives a loss of power once it has ended.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that ends when the barrier holds. A store whose creations are durable by themselves does nothing.</returns>
    /// <exception cref="ObjectStoreException">The medium failed: nothing since the last barrier is to be relied on.</exception>
    public ValueTask FlushAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        return FlushCoreAsync(cancellationToken);
    }

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
    public async ValueTask DisposeAsync()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            await DisposeCoreAsync().ConfigureAwait(false);
        }

        GC.SuppressFinalize(this);
    }

    internal ValueTask<int> ReadAsync(string name, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        ThrowIfDisposed();
        ObjectNames.Validate(name);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        return SyncBridge.Settle(ReadCoreAsync(name, buffer, offset, mode, cancellationToken), mode);
    }

    internal ValueTask<ObjectInfo?> GetInfoAsync(string name, IoMode mode, CancellationToken cancellationToken)
    {
        ThrowIfDisposed();
        ObjectNames.Validate(name);
        return SyncBridge.Settle(GetInfoCoreAsync(name, mode, cancellationToken), mode);
    }

    /// <summary>Creates an object, unless one of this name exists.</summary>
    /// <param name="name">Name of the object, validated.</param>
    /// <param name="content">Its content.</param>
    /// <param name="options">How it is created.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Whether it was created.</returns>
    protected abstract ValueTask<bool> TryCreateCoreAsync(string name, ReadOnlyMemory<byte> content, ObjectCreateOptions options, CancellationToken cancellationToken);

    /// <summary>Begins an object whose content is handed over in parts.</summary>
    /// <param name="name">Name of the object, validated.</param>
    /// <param name="options">How it is created.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The upload; here, one that holds its parts in memory and then creates the object in one request.</returns>
    protected virtual ValueTask<ObjectUpload> BeginCreateCoreAsync(string name, ObjectCreateOptions options, CancellationToken cancellationToken) =>
        ValueTask.FromResult<ObjectUpload>(new BufferedObjectUpload(this, name, options));

    /// <summary>Reads a range of an object.</summary>
    /// <param name="name">Name of the object, validated.</param>
    /// <param name="buffer">Receives the bytes; filled completely unless the object ends first.</param>
    /// <param name="offset">Position in bytes, not negative.</param>
    /// <param name="mode">How to work; a store that can only work asynchronously ignores it, and the caller waits.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The number of bytes read.</returns>
    protected abstract ValueTask<int> ReadCoreAsync(string name, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken);

    /// <summary>Asks for an object without its content.</summary>
    /// <param name="name">Name of the object, validated.</param>
    /// <param name="mode">How to work; a store that can only work asynchronously ignores it, and the caller waits.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>What is known of it, or null.</returns>
    protected abstract ValueTask<ObjectInfo?> GetInfoCoreAsync(string name, IoMode mode, CancellationToken cancellationToken);

    /// <summary>Lists objects in the ordinal order of their names.</summary>
    /// <param name="prefix">What their names begin with, validated.</param>
    /// <param name="startAfter">Only names that come after this one; null for all.</param>
    /// <param name="cancellationToken">Ends the listing.</param>
    /// <returns>The objects.</returns>
    protected abstract IAsyncEnumerable<ObjectInfo> ListCoreAsync(string prefix, string? startAfter, CancellationToken cancellationToken);

    /// <summary>Deletes objects.</summary>
    /// <param name="names">Their names, validated, at least one.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that ends when none of them is visible any more.</returns>
    protected abstract ValueTask DeleteCoreAsync(IReadOnlyList<string> names, CancellationToken cancellationToken);

    /// <summary>The barrier of <see cref="FlushAsync(CancellationToken)"/>; here, none is needed.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that ends when the barrier holds.</returns>
    protected virtual ValueTask FlushCoreAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;

    /// <summary>Releases what the store holds.</summary>
    /// <param name="disposing">Whether <see cref="Dispose()"/> was called.</param>
    protected virtual void Dispose(bool disposing)
    {
    }

    /// <summary>Releases what the store holds, asynchronously; here, as <see cref="Dispose(bool)"/> does.</summary>
    /// <returns>A task that ends when all is released.</returns>
    protected virtual ValueTask DisposeCoreAsync()
    {
        Dispose(true);
        return ValueTask.CompletedTask;
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_isDisposed, this);
}
