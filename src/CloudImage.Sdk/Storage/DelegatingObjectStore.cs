using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Storage;

/// <summary>A store that passes every call on to another one; what decorators derive from.</summary>
/// <remarks>Owns the store that it wraps: disposing the one disposes the other.</remarks>
public abstract class DelegatingObjectStore : ObjectStore
{
    /// <summary>Wraps a store.</summary>
    /// <param name="inner">The store, which this one owns from now on.</param>
    protected DelegatingObjectStore(ObjectStore inner)
    {
        ArgumentNullException.ThrowIfNull(inner);
        Inner = inner;
    }

    /// <inheritdoc/>
    public override ObjectStoreCapabilities Capabilities => Inner.Capabilities;

    /// <inheritdoc/>
    public override string Location => Inner.Location;

    /// <summary>The store that is wrapped.</summary>
    protected ObjectStore Inner { get; }

    /// <inheritdoc/>
    protected override ValueTask<bool> TryCreateCoreAsync(string name, ReadOnlyMemory<byte> content, ObjectCreateOptions options, CancellationToken cancellationToken) =>
        Inner.TryCreateAsync(name, content, options, cancellationToken);

    /// <inheritdoc/>
    protected override ValueTask<ObjectUpload> BeginCreateCoreAsync(string name, ObjectCreateOptions options, CancellationToken cancellationToken) =>
        Inner.BeginCreateAsync(name, options, cancellationToken);

    /// <inheritdoc/>
    protected override ValueTask<int> ReadCoreAsync(string name, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken) =>
        Inner.ReadAsync(name, buffer, offset, mode, cancellationToken);

    /// <inheritdoc/>
    protected override ValueTask<ObjectInfo?> GetInfoCoreAsync(string name, IoMode mode, CancellationToken cancellationToken) =>
        Inner.GetInfoAsync(name, mode, cancellationToken);

    /// <inheritdoc/>
    protected override IAsyncEnumerable<ObjectInfo> ListCoreAsync(string prefix, string? startAfter, CancellationToken cancellationToken) =>
        Inner.ListAsync(prefix, startAfter, cancellationToken);

    /// <inheritdoc/>
    protected override ValueTask DeleteCoreAsync(IReadOnlyList<string> names, CancellationToken cancellationToken) =>
        Inner.DeleteAsync(names, cancellationToken);

    /// <inheritdoc/>
    protected override ValueTask FlushCoreAsync(CancellationToken cancellationToken) => Inner.FlushAsync(cancellationToken);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Inner.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <inheritdoc/>
    protected override async ValueTask DisposeCoreAsync()
    {
        // First the asynchronous way; the synchronous one that follows then finds the inner store disposed.
        await Inner.DisposeAsync().ConfigureAwait(false);
        await base.DisposeCoreAsync().ConfigureAwait(false);
    }
}
