using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Storage;

/// <summary>Keeps whole objects of a slow store in a fast one: objects never change, so that what was read once stays right.</summary>
/// <remarks>
/// <para>Only reads of the chosen names are answered from the cache; whether an object exists, and lists, are always asked of
/// the store itself. An object that was deleted there may still be read here. Each 4 KiB in the cache carries a checksum that is
/// compared at every read; what does not match is read again from the store.</para>
/// <para>Every member may be called from several threads at once. Owns both stores. One instance at a time uses a cache.</para>
/// </remarks>
public sealed class CachingObjectStore : DelegatingObjectStore
{
    private readonly ObjectStore _cache;
    private readonly CachingObjectStoreOptions _options;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, LinkedListNode<CachedObject>> _objects = new(StringComparer.Ordinal);
    private readonly LinkedList<CachedObject> _byUse = new();
    private readonly Dictionary<string, Task<bool>> _flights = new(StringComparer.Ordinal);
    private long _totalLength;
    private long _hits;
    private long _misses;

    /// <summary>Wraps a store with an empty cache.</summary>
    /// <param name="inner">The store, which this one owns from now on.</param>
    /// <param name="cache">Where copies are kept: an empty store, which this one owns from now on.</param>
    /// <param name="options">What is kept.</param>
    public CachingObjectStore(ObjectStore inner, ObjectStore cache, CachingObjectStoreOptions options)
        : base(inner)
    {
        ArgumentNullException.ThrowIfNull(cache);
        ArgumentNullException.ThrowIfNull(options);
        _cache = cache;
        _options = options;
    }

    /// <summary>How many reads the cache answered.</summary>
    public long Hits => Interlocked.Read(ref _hits);

    /// <summary>How many reads of cacheable objects went to the store.</summary>
    public long Misses => Interlocked.Read(ref _misses);

    /// <inheritdoc/>
    protected override async ValueTask<int> ReadCoreAsync(string name, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        if (!IsCacheable(name) || buffer.IsEmpty)
        {
            return await Inner.ReadAsync(name, buffer, offset, mode, cancellationToken).ConfigureAwait(false);
        }

        // Twice at most: what was evicted or damaged between the look and the read is fetched once more, then passed by.
        for (int attempt = 0; attempt < 2; attempt++)
        {
            if (TryUse(name, out long length))
            {
                int count = await CachedBlocks.ReadAsync(_cache, name, length, _options.ChecksumSeed, buffer, offset, mode, cancellationToken).ConfigureAwait(false);
                if (count >= 0)
                {
                    Interlocked.Increment(ref _hits);
                    return count;
                }

                await ForgetAsync(name, cancellationToken).ConfigureAwait(false);
            }

            if (!await FetchOnceAsync(name, mode, cancellationToken).ConfigureAwait(false))
            {
                break;
            }
        }

        Interlocked.Increment(ref _misses);
        return await Inner.ReadAsync(name, buffer, offset, mode, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _cache.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <inheritdoc/>
    protected override async ValueTask DisposeCoreAsync()
    {
        await _cache.DisposeAsync().ConfigureAwait(false);
        await base.DisposeCoreAsync().ConfigureAwait(false);
    }

    private bool IsCacheable(string name)
    {
        for (int index = 0; index < _options.Prefixes.Count; index++)
        {
            if (name.StartsWith(_options.Prefixes[index], StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    private bool TryUse(string name, out long length)
    {
        lock (_lock)
        {
            if (!_objects.TryGetValue(name, out LinkedListNode<CachedObject>? node))
            {
                length = 0;
                return false;
            }

            _byUse.Remove(node);
            _byUse.AddLast(node);
            length = node.Value.Length;
            return true;
        }
    }

    /// <summary>Brings an object into the cache; who asks for one that is on its way waits for it.</summary>
    /// <returns>Whether it is there; false: it is too long.</returns>
    private async ValueTask<bool> FetchOnceAsync(string name, IoMode mode, CancellationToken cancellationToken)
    {
        Task<bool>? flight;
        var own = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (_objects.ContainsKey(name))
            {
                return true;
            }

            if (!_flights.TryGetValue(name, out flight))
            {
                _flights[name] = own.Task;
            }
        }

        if (flight is not null)
        {
            return await flight.WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        try
        {
            // Not with the caller's token: others may be waiting for the same object.
            bool isThere = await FetchAsync(name, mode).ConfigureAwait(false);
            own.SetResult(isThere);
            return isThere;
        }
        catch (CloudImageException exception)
        {
            own.SetException(exception);
            _ = own.Task.Exception;
            throw;
        }
        finally
        {
            lock (_lock)
            {
                _flights.Remove(name);
            }

            own.TrySetCanceled(CancellationToken.None);
        }
    }

    private async ValueTask<bool> FetchAsync(string name, IoMode mode)
    {
        ObjectInfo? info = await Inner.GetInfoAsync(name, mode, CancellationToken.None).ConfigureAwait(false) ?? throw new ObjectNotFoundException(name);
        if (info.Length > Math.Min(_options.MaximumObjectLength, _options.MaximumTotalLength))
        {
            return false;
        }

        Interlocked.Increment(ref _misses);
        byte[] content = new byte[CachedBlocks.GetStoredLength(info.Length)];
        int count = await Inner.ReadAsync(name, content.AsMemory(0, (int)info.Length), 0, mode, CancellationToken.None).ConfigureAwait(false);
        if (count != info.Length)
        {
            throw new ObjectStoreException(name, $"it has {info.Length} bytes, of which {count} could be read.", null) { IsTransient = true };
        }

        CachedBlocks.Seal(content, (int)info.Length, _options.ChecksumSeed);
        await _cache.TryCreateAsync(name, content, ObjectCreateOptions.Default, CancellationToken.None).ConfigureAwait(false);
        await KeepAsync(new CachedObject(name, info.Length)).ConfigureAwait(false);
        return true;
    }

    private async ValueTask KeepAsync(CachedObject added)
    {
        List<string> evicted = [];
        lock (_lock)
        {
            if (_objects.TryAdd(added.Name, new LinkedListNode<CachedObject>(added)))
            {
                _byUse.AddLast(_objects[added.Name]);
                _totalLength += added.Length;
            }

            while (_totalLength > _options.MaximumTotalLength && _byUse.First is { } oldest)
            {
                Remove(oldest);
                evicted.Add(oldest.Value.Name);
            }
        }

        await _cache.DeleteAsync(evicted, CancellationToken.None).ConfigureAwait(false);
    }

    private async ValueTask ForgetAsync(string name, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_objects.TryGetValue(name, out LinkedListNode<CachedObject>? node))
            {
                Remove(node);
            }
        }

        await _cache.DeleteAsync([name], cancellationToken).ConfigureAwait(false);
    }

    private void Remove(LinkedListNode<CachedObject> node)
    {
        _byUse.Remove(node);
        _objects.Remove(node.Value.Name);
        _totalLength -= node.Value.Length;
    }

    private sealed class CachedObject(string name, long length)
    {
        internal string Name { get; } = name;

        internal long Length { get; } = length;
    }
}
