using System;
using System.Collections.Concurrent;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Tests.Support;

/// <summary>Remembers the names of the objects that were read, on top of a store that it owns, and can pretend to be far away.</summary>
public sealed class ReadLogStore(ObjectStore inner, bool isLocal = true) : DelegatingObjectStore(inner)
{
    private readonly ConcurrentQueue<string> _reads = new();
    private long _bytesAsked;

    public override ObjectStoreCapabilities Capabilities { get; } = isLocal ? inner.Capabilities : new();

    /// <summary>How many bytes the reads asked for.</summary>
    public long BytesAsked => Interlocked.Read(ref _bytesAsked);

    /// <summary>How many reads there were of objects whose names begin so.</summary>
    public int CountReads(string prefix) => _reads.Count(name => name.StartsWith(prefix, StringComparison.Ordinal));

    public void Clear()
    {
        _reads.Clear();
        Interlocked.Exchange(ref _bytesAsked, 0);
    }

    protected override async ValueTask<int> ReadCoreAsync(string name, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        _reads.Enqueue(name);
        Interlocked.Add(ref _bytesAsked, buffer.Length);
        if (!isLocal && mode == IoMode.Asynchronous)
        {
            await Task.Yield();
        }

        return await base.ReadCoreAsync(name, buffer, offset, mode, cancellationToken);
    }
}
