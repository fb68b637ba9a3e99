using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Tests.Support;

/// <summary>A store that fails, cuts short, flips bits, delays and repeats, seeded; on top of another one, which it owns.</summary>
public sealed class FaultyObjectStore : DelegatingObjectStore
{
    private readonly Lock _lock = new();
    private readonly Random _random;
    private int _calls;
    private int _reads;
    private int _creates;

    public FaultyObjectStore(ObjectStore inner, int seed, StoreFaults faults)
        : base(inner)
    {
        _random = new Random(seed);
        Faults = faults;
    }

    /// <summary>The faults made from now on; may be set between calls.</summary>
    public StoreFaults Faults { get; set; }

    /// <summary>How many faults were made.</summary>
    public int FaultCount { get; private set; }

    protected override async ValueTask<bool> TryCreateCoreAsync(string name, ReadOnlyMemory<byte> content, ObjectCreateOptions options, CancellationToken cancellationToken)
    {
        Plan plan = await BeginAsync(name, IoMode.Asynchronous, cancellationToken);
        bool isCreated = await Inner.TryCreateAsync(name, content, options, cancellationToken);
        if (IsDue(name, ref _creates, Faults.RepeatEvery))
        {
            isCreated = await Inner.TryCreateAsync(name, content, options, cancellationToken);
        }

        End(name, plan);
        return isCreated;
    }

    protected override async ValueTask<ObjectUpload> BeginCreateCoreAsync(string name, ObjectCreateOptions options, CancellationToken cancellationToken)
    {
        End(name, await BeginAsync(name, IoMode.Asynchronous, cancellationToken));
        return new Upload(this, await Inner.BeginCreateAsync(name, options, cancellationToken));
    }

    protected override async ValueTask<int> ReadCoreAsync(string name, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        Plan plan = await BeginAsync(name, mode, cancellationToken);
        int count = await Inner.ReadAsync(name, buffer, offset, mode, cancellationToken);
        End(name, plan);
        if (count == 0)
        {
            return 0;
        }

        int reads;
        int chance;
        lock (_lock)
        {
            reads = name.StartsWith(Faults.Prefix, StringComparison.Ordinal) ? ++_reads : 0;
            chance = _random.Next();
        }

        if (reads > 0 && Faults.FlipEvery > 0 && reads % Faults.FlipEvery == 0)
        {
            FaultCount++;
            buffer.Span[chance % count] ^= (byte)(1 << (chance % 8));
        }

        if (reads > 0 && Faults.TruncateEvery > 0 && reads % Faults.TruncateEvery == 0)
        {
            FaultCount++;
            return chance % count;
        }

        return count;
    }

    protected override async ValueTask<ObjectInfo?> GetInfoCoreAsync(string name, IoMode mode, CancellationToken cancellationToken)
    {
        End(name, await BeginAsync(name, mode, cancellationToken));
        return await Inner.GetInfoAsync(name, mode, cancellationToken);
    }

    protected override async IAsyncEnumerable<ObjectInfo> ListCoreAsync(string prefix, string? startAfter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        End(prefix, await BeginAsync(prefix, IoMode.Asynchronous, cancellationToken));
        await foreach (ObjectInfo info in Inner.ListAsync(prefix, startAfter, cancellationToken))
        {
            yield return info;
        }

        // A page that follows may fail too, after what came before was told.
        End(prefix, await BeginAsync(prefix, IoMode.Asynchronous, cancellationToken));
    }

    protected override async ValueTask DeleteCoreAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        Plan plan = await BeginAsync(names[0], IoMode.Asynchronous, cancellationToken);
        await Inner.DeleteAsync(names, cancellationToken);
        End(names[0], plan);
    }

    protected override async ValueTask FlushCoreAsync(CancellationToken cancellationToken)
    {
        End(string.Empty, await BeginAsync(string.Empty, IoMode.Asynchronous, cancellationToken));
        await Inner.FlushAsync(cancellationToken);
    }

    private async ValueTask<Plan> BeginAsync(string name, IoMode mode, CancellationToken cancellationToken)
    {
        Plan plan;
        TimeSpan delay;
        lock (_lock)
        {
            plan = !IsDue(name, ref _calls, Faults.FailEvery) ? Plan.Work
                : Faults.MayFailAfterDone && _random.Next(2) == 0 ? Plan.FailAfter : Plan.FailBefore;
            delay = Faults.MaximumDelay * _random.NextDouble();
        }

        if (delay > TimeSpan.Zero && mode == IoMode.Asynchronous)
        {
            await Task.Delay(delay, cancellationToken);
        }

        if (plan == Plan.FailBefore)
        {
            End(name, Plan.FailAfter);
        }

        return plan;
    }

    private bool IsDue(string name, ref int count, int every) =>
        every > 0 && name.StartsWith(Faults.Prefix, StringComparison.Ordinal) && Interlocked.Increment(ref count) % every == 0;

    private void End(string name, Plan plan)
    {
        if (plan == Plan.FailAfter)
        {
            FaultCount++;
            throw new ObjectStoreException(name, "a fault was injected.", null) { IsTransient = Faults.IsTransient };
        }
    }

    private enum Plan
    {
        Work,
        FailBefore,
        FailAfter,
    }

    private sealed class Upload(FaultyObjectStore store, ObjectUpload inner) : ObjectUpload(inner.Name)
    {
        protected override async ValueTask AppendCoreAsync(ReadOnlyMemory<byte> part, CancellationToken cancellationToken)
        {
            Plan plan = await store.BeginAsync(Name, IoMode.Asynchronous, cancellationToken);
            await inner.AppendAsync(part, cancellationToken);
            store.End(Name, plan);
        }

        protected override async ValueTask<bool> CompleteCoreAsync(CancellationToken cancellationToken)
        {
            Plan plan = await store.BeginAsync(Name, IoMode.Asynchronous, cancellationToken);
            inner.Checksum = Checksum;
            bool isCreated = await inner.CompleteAsync(cancellationToken);
            store.End(Name, plan);
            return isCreated;
        }

        protected override ValueTask DisposeCoreAsync() => inner.DisposeAsync();
    }
}
