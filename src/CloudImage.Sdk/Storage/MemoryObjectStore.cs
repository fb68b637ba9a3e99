using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Storage;

/// <summary>A store of objects in memory, for tests and for small caches.</summary>
/// <remarks>Every member may be called from several threads at once. Objects of at most 2 GiB less 64 KiB. It keeps the SHA-256 of each.</remarks>
public sealed class MemoryObjectStore : ObjectStore
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, Entry> _objects = new(StringComparer.Ordinal);
    private readonly TimeProvider _timeProvider;

    /// <summary>Makes an empty store.</summary>
    public MemoryObjectStore()
        : this(TimeProvider.System)
    {
    }

    /// <summary>Makes an empty store with a clock of its own.</summary>
    /// <param name="timeProvider">What the times of objects are taken from.</param>
    public MemoryObjectStore(TimeProvider timeProvider)
    {
        ArgumentNullException.ThrowIfNull(timeProvider);
        _timeProvider = timeProvider;
    }

    /// <inheritdoc/>
    public override ObjectStoreCapabilities Capabilities { get; } = new()
    {
        IsLocal = true,
        ChecksumKind = ObjectChecksumKind.Sha256,
        MaximumObjectLength = Array.MaxLength,
    };

    /// <inheritdoc/>
    public override string Location => "memory";

    /// <inheritdoc/>
    protected override ValueTask<bool> TryCreateCoreAsync(string name, ReadOnlyMemory<byte> content, ObjectCreateOptions options, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        byte[] digest = SHA256.HashData(content.Span);
        if (options.Checksum.Kind == ObjectChecksumKind.Sha256 && !options.Checksum.Value.SequenceEqual(digest))
        {
            throw new ObjectStoreException(name, $"its content does not have the checksum {options.Checksum} that was announced.", null);
        }

        byte[] copy = content.ToArray();
        var info = new ObjectInfo(name, copy.Length, _timeProvider.GetUtcNow(), new ObjectChecksum(ObjectChecksumKind.Sha256, digest));
        lock (_lock)
        {
            return ValueTask.FromResult(_objects.TryAdd(name, new Entry(info, copy)));
        }
    }

    /// <inheritdoc/>
    protected override ValueTask<int> ReadCoreAsync(string name, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Entry? entry;
        lock (_lock)
        {
            if (!_objects.TryGetValue(name, out entry))
            {
                throw new ObjectNotFoundException(name);
            }
        }

        int count = (int)Math.Clamp(entry.Content.Length - offset, 0, buffer.Length);
        if (count > 0)
        {
            entry.Content.AsSpan((int)offset, count).CopyTo(buffer.Span);
        }

        return ValueTask.FromResult(count);
    }

    /// <inheritdoc/>
    protected override ValueTask<ObjectInfo?> GetInfoCoreAsync(string name, IoMode mode, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            return ValueTask.FromResult(_objects.GetValueOrDefault(name)?.Info);
        }
    }

    /// <inheritdoc/>
    protected override async IAsyncEnumerable<ObjectInfo> ListCoreAsync(string prefix, string? startAfter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask.ConfigureAwait(false);
        var found = new List<ObjectInfo>();
        lock (_lock)
        {
            foreach ((string name, Entry entry) in _objects)
            {
                if (name.StartsWith(prefix, StringComparison.Ordinal) && (startAfter is null || string.CompareOrdinal(name, startAfter) > 0))
                {
                    found.Add(entry.Info);
                }
            }
        }

        foreach (ObjectInfo info in found)
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return info;
        }
    }

    /// <inheritdoc/>
    protected override ValueTask DeleteCoreAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            for (int index = 0; index < names.Count; index++)
            {
                _objects.Remove(names[index]);
            }
        }

        return ValueTask.CompletedTask;
    }

    private sealed class Entry(ObjectInfo info, byte[] content)
    {
        internal ObjectInfo Info { get; } = info;

        internal byte[] Content { get; } = content;
    }
}
