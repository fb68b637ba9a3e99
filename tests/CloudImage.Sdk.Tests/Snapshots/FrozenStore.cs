using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Tests.Snapshots;

/// <summary>Objects that can be read alone, without a copy: cheap enough to make one for each of thousands of damages.</summary>
internal sealed class FrozenStore(IReadOnlyDictionary<string, byte[]> objects) : ObjectStore
{
    public override ObjectStoreCapabilities Capabilities { get; } = new() { IsLocal = true };

    public override string Location => "frozen";

    protected override ValueTask<bool> TryCreateCoreAsync(string name, ReadOnlyMemory<byte> content, ObjectCreateOptions options, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    protected override ValueTask<int> ReadCoreAsync(string name, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        if (!objects.TryGetValue(name, out byte[]? content))
        {
            throw new ObjectNotFoundException(name);
        }

        int count = (int)Math.Clamp(content.Length - offset, 0, buffer.Length);
        content.AsSpan((int)Math.Min(offset, content.Length), count).CopyTo(buffer.Span);
        return ValueTask.FromResult(count);
    }

    protected override ValueTask<ObjectInfo?> GetInfoCoreAsync(string name, IoMode mode, CancellationToken cancellationToken) =>
        ValueTask.FromResult(objects.TryGetValue(name, out byte[]? content) ? new ObjectInfo(name, content.Length, default, default) : null);

    protected override async IAsyncEnumerable<ObjectInfo> ListCoreAsync(
        string prefix, string? startAfter, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        foreach (string name in objects.Keys.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            if (startAfter is null || string.CompareOrdinal(name, startAfter) > 0)
            {
                yield return new ObjectInfo(name, objects[name].Length, default, default);
            }
        }
    }

    protected override ValueTask DeleteCoreAsync(IReadOnlyList<string> names, CancellationToken cancellationToken) => throw new NotSupportedException();
}
