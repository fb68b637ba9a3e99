using System;
using System.Collections.Concurrent;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Tests.Support;

/// <summary>Remembers the names of the objects that were read, on top of a store that it owns.</summary>
public sealed class ReadLogStore(ObjectStore inner) : DelegatingObjectStore(inner)
{
    private readonly ConcurrentQueue<string> _reads = new();

    /// <summary>How many reads there were of objects whose names begin so.</summary>
    public int CountReads(string prefix) => _reads.Count(name => name.StartsWith(prefix, StringComparison.Ordinal));

    public void Clear() => _reads.Clear();

    protected override ValueTask<int> ReadCoreAsync(string name, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        _reads.Enqueue(name);
        return base.ReadCoreAsync(name, buffer, offset, mode, cancellationToken);
    }
}
