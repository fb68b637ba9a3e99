using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Storage;

/// <summary>Counts the requests that another store is sent, by kind, and the bytes: what a service will charge for.</summary>
/// <remarks>Every member may be called from several threads at once. Owns the store that it wraps.</remarks>
public sealed class CountingObjectStore : DelegatingObjectStore
{
    private long _creates;
    private long _conflicts;
    private long _reads;
    private long _infos;
    private long _lists;
    private long _listedObjects;
    private long _deletes;
    private long _flushes;
    private long _faults;
    private long _bytesWritten;
    private long _bytesRead;

    /// <summary>Wraps a store.</summary>
    /// <param name="inner">The store, which this one owns from now on.</param>
    public CountingObjectStore(ObjectStore inner)
        : base(inner)
    {
    }

    /// <summary>What was counted so far.</summary>
    /// <returns>The state at this moment.</returns>
    public ObjectStoreStatistics GetStatistics() => new()
    {
        Creates = Interlocked.Read(ref _creates),
        Conflicts = Interlocked.Read(ref _conflicts),
        Reads = Interlocked.Read(ref _reads),
        Infos = Interlocked.Read(ref _infos),
        Lists = Interlocked.Read(ref _lists),
        ListedObjects = Interlocked.Read(ref _listedObjects),
        Deletes = Interlocked.Read(ref _deletes),
        Flushes = Interlocked.Read(ref _flushes),
        Faults = Interlocked.Read(ref _faults),
        BytesWritten = Interlocked.Read(ref _bytesWritten),
        BytesRead = Interlocked.Read(ref _bytesRead),
    };

    /// <inheritdoc/>
    protected override async ValueTask<bool> TryCreateCoreAsync(string name, ReadOnlyMemory<byte> content, ObjectCreateOptions options, CancellationToken cancellationToken) =>
        await CountCreateAsync(Inner.TryCreateAsync(name, content, options, cancellationToken), content.Length).ConfigureAwait(false);

    /// <inheritdoc/>
    protected override async ValueTask<ObjectUpload> BeginCreateCoreAsync(string name, ObjectCreateOptions options, CancellationToken cancellationToken) =>
        new CountedUpload(this, await Inner.BeginCreateAsync(name, options, cancellationToken).ConfigureAwait(false));

    /// <inheritdoc/>
    protected override async ValueTask<int> ReadCoreAsync(string name, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _reads);
        int count = await CountFaultsAsync(Inner.ReadAsync(name, buffer, offset, mode, cancellationToken)).ConfigureAwait(false);
        Interlocked.Add(ref _bytesRead, count);
        return count;
    }

    /// <inheritdoc/>
    protected override ValueTask<ObjectInfo?> GetInfoCoreAsync(string name, IoMode mode, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _infos);
        return CountFaultsAsync(Inner.GetInfoAsync(name, mode, cancellationToken));
    }

    /// <inheritdoc/>
    protected override async IAsyncEnumerable<ObjectInfo> ListCoreAsync(string prefix, string? startAfter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _lists);
        await foreach (ObjectInfo info in Inner.ListAsync(prefix, startAfter, cancellationToken).ConfigureAwait(false))
        {
            Interlocked.Increment(ref _listedObjects);
            yield return info;
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask DeleteCoreAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        Interlocked.Add(ref _deletes, names.Count);
        await CountFaultsAsync(AsValueAsync(Inner.DeleteAsync(names, cancellationToken))).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override async ValueTask FlushCoreAsync(CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _flushes);
        await CountFaultsAsync(AsValueAsync(Inner.FlushAsync(cancellationToken))).ConfigureAwait(false);
    }

    private static async ValueTask<bool> AsValueAsync(ValueTask task)
    {
        await task.ConfigureAwait(false);
        return true;
    }

    private async ValueTask<bool> CountCreateAsync(ValueTask<bool> task, long length)
    {
        Interlocked.Increment(ref _creates);
        Interlocked.Add(ref _bytesWritten, length);
        bool isCreated = await CountFaultsAsync(task).ConfigureAwait(false);
        if (!isCreated)
        {
            Interlocked.Increment(ref _conflicts);
        }

        return isCreated;
    }

    private async ValueTask<T> CountFaultsAsync<T>(ValueTask<T> task)
    {
        try
        {
            return await task.ConfigureAwait(false);
        }
        catch (ObjectStoreException exception) when (exception is not ObjectNotFoundException)
        {
            Interlocked.Increment(ref _faults);
            throw;
        }
    }

    private sealed class CountedUpload(CountingObjectStore store, ObjectUpload inner) : ObjectUpload(inner.Name)
    {
        protected override ValueTask AppendCoreAsync(ReadOnlyMemory<byte> part, CancellationToken cancellationToken) => inner.AppendAsync(part, cancellationToken);

        protected override ValueTask<bool> CompleteCoreAsync(CancellationToken cancellationToken)
        {
            inner.Checksum = Checksum;
            return store.CountCreateAsync(inner.CompleteAsync(cancellationToken), Length);
        }

        protected override ValueTask DisposeCoreAsync() => inner.DisposeAsync();
    }
}
