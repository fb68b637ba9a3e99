using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Tests.Snapshots.Simulation;

/// <summary>The store as one process sees it: each call waits for the scheduler.</summary>
internal sealed class SimulatedStore(SimulatedWorld world, SimulatedProcess process) : ObjectStore
{
    private const int PageLength = 7;

    public override ObjectStoreCapabilities Capabilities { get; } = new() { PreferredConcurrency = 3 };

    public override string Location => "simulated";

    protected override ValueTask<bool> TryCreateCoreAsync(string name, ReadOnlyMemory<byte> content, ObjectCreateOptions options, CancellationToken cancellationToken)
    {
        byte[] copy = content.ToArray();
        byte[] captured = process.Content;
        return new(world.SubmitAsync(process, $"create {name}", true, () => world.TryCreate(name, copy, captured)));
    }

    protected override ValueTask<int> ReadCoreAsync(string name, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        int Read()
        {
            ReadOnlySpan<byte> content = world.Read(name);
            int count = (int)Math.Clamp(content.Length - offset, 0, buffer.Length);
            content.Slice((int)Math.Min(offset, content.Length), count).CopyTo(buffer.Span);
            return count;
        }

        // A synchronous call cannot wait for the scheduler: it happens at the moment that the process got to go on.
        return mode == IoMode.Synchronous
            ? ValueTask.FromResult(world.RunNow(process, Read))
            : new(world.SubmitAsync(process, $"read {name} {offset} {buffer.Length}", false, Read));
    }

    protected override ValueTask<ObjectInfo?> GetInfoCoreAsync(string name, IoMode mode, CancellationToken cancellationToken) =>
        mode == IoMode.Synchronous
            ? ValueTask.FromResult(world.RunNow(process, () => world.Find(name)))
            : new(world.SubmitAsync(process, $"info {name}", false, () => world.Find(name)));

    // Page by page: what is created or deleted between two pages is seen or not.
    protected override async IAsyncEnumerable<ObjectInfo> ListCoreAsync(string prefix, string? startAfter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (true)
        {
            string? after = startAfter;
            IReadOnlyList<ObjectInfo> page = await world.SubmitAsync(process, $"list {prefix} after {after}", false, () => world.List(prefix, after, PageLength));
            foreach (ObjectInfo info in page)
            {
                startAfter = info.Name;
                yield return info;
            }

            if (page.Count < PageLength)
            {
                yield break;
            }
        }
    }

    protected override async ValueTask DeleteCoreAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        foreach (string name in names)
        {
            await world.SubmitAsync(process, $"delete {name}", true, () => world.Delete(name));
        }
    }
}
