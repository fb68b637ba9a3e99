using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Tests.Support;

/// <summary>
/// A store on a machine that goes down at a chosen step: creations and deletions since the last flush are each kept or lost
/// by chance, and where asked for kept in part. After the crash every call throws; <see cref="Recover"/> gives what is left.
/// </summary>
/// <remarks>Steps are creations, parts, completions, deletions and flushes. Seeded: the same seed and step give the same remains.</remarks>
public sealed class CrashingObjectStore : ObjectStore
{
    private readonly Lock _lock = new();
    private readonly Random _random;
    private readonly long _crashAtStep;
    private readonly bool _mayTear;
    private readonly Dictionary<string, byte[]> _durable;
    private readonly Dictionary<string, byte[]> _pending = new(StringComparer.Ordinal);
    private readonly HashSet<string> _pendingDeletes = new(StringComparer.Ordinal);
    private readonly MemoryObjectStore _visible = new();

    /// <summary>Makes a store.</summary>
    /// <param name="seed">What chance is drawn from.</param>
    /// <param name="crashAtStep">The step, counted from 1, at which the machine goes down; <see cref="long.MaxValue"/> for never.</param>
    /// <param name="mayTear">Whether an object that was not flushed may come back cut short or with zeros in it, as without any durability.</param>
    /// <param name="initial">What is there, durably, at the start: what an earlier <see cref="Recover"/> gave.</param>
    public CrashingObjectStore(int seed, long crashAtStep, bool mayTear, IReadOnlyDictionary<string, byte[]>? initial)
    {
        _random = new Random(seed);
        _crashAtStep = crashAtStep;
        _mayTear = mayTear;
        _durable = initial is null ? new(StringComparer.Ordinal) : new(initial, StringComparer.Ordinal);
        foreach ((string name, byte[] content) in _durable)
        {
            SyncBridge.Wait(_visible.TryCreateAsync(name, content, ObjectCreateOptions.Default));
        }
    }

    /// <summary>Steps taken so far; of a run that does not crash, the number of points at which one can.</summary>
    public long Steps { get; private set; }

    public bool HasCrashed { get; private set; }

    public override ObjectStoreCapabilities Capabilities { get; } = new() { IsLocal = true, StreamsUploads = true, ChecksumKind = ObjectChecksumKind.Sha256 };

    public override string Location => "crashing";

    /// <summary>What a reboot finds. May be asked for without a crash, for a loss of power at that moment.</summary>
    public Dictionary<string, byte[]> Recover()
    {
        lock (_lock)
        {
            HasCrashed = true;
            var remains = new Dictionary<string, byte[]>(_durable, StringComparer.Ordinal);
            foreach ((string name, byte[] content) in _pending.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            {
                switch (_random.Next(_mayTear ? 4 : 2))
                {
                    case 0:
                        break;
                    case 2:
                        remains[name] = content[.._random.Next(content.Length + 1)];
                        break;
                    case 3:
                        byte[] torn = [.. content];
                        int start = _random.Next(content.Length + 1);
                        torn.AsSpan(start, _random.Next(content.Length - start + 1)).Clear();
                        remains[name] = torn;
                        break;
                    default:
                        remains[name] = content;
                        break;
                }
            }

            foreach (string name in _pendingDeletes.Order(StringComparer.Ordinal))
            {
                if (_random.Next(2) == 0)
                {
                    remains.Remove(name);
                }
            }

            return remains;
        }
    }

    protected override async ValueTask<bool> TryCreateCoreAsync(string name, ReadOnlyMemory<byte> content, ObjectCreateOptions options, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        bool isCreated;
        lock (_lock)
        {
            // The creation under way at the crash may have happened: it is pending as any other.
            bool isLast = TakeStep();
            isCreated = SyncBridge.Wait(_visible.TryCreateAsync(name, content, options, CancellationToken.None));
            if (isCreated)
            {
                _pending[name] = content.ToArray();
            }

            ThrowIfLast(isLast);
        }

        await Task.CompletedTask;
        return isCreated;
    }

    protected override ValueTask<ObjectUpload> BeginCreateCoreAsync(string name, ObjectCreateOptions options, CancellationToken cancellationToken)
    {
        ThrowIfDown();
        return ValueTask.FromResult<ObjectUpload>(new Upload(this, name));
    }

    protected override ValueTask<int> ReadCoreAsync(string name, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        ThrowIfDown();
        return _visible.ReadAsync(name, buffer, offset, mode, cancellationToken);
    }

    protected override ValueTask<ObjectInfo?> GetInfoCoreAsync(string name, IoMode mode, CancellationToken cancellationToken)
    {
        ThrowIfDown();
        return _visible.GetInfoAsync(name, mode, cancellationToken);
    }

    protected override IAsyncEnumerable<ObjectInfo> ListCoreAsync(string prefix, string? startAfter, CancellationToken cancellationToken)
    {
        ThrowIfDown();
        return _visible.ListAsync(prefix, startAfter, cancellationToken);
    }

    protected override ValueTask DeleteCoreAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            foreach (string name in names)
            {
                bool isLast = TakeStep();
                _pendingDeletes.Add(name);
                SyncBridge.Wait(_visible.DeleteAsync([name], CancellationToken.None));
                ThrowIfLast(isLast);
            }
        }

        return ValueTask.CompletedTask;
    }

    protected override ValueTask FlushCoreAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            // A flush that was cut off has made nothing sure.
            ThrowIfLast(TakeStep());
            foreach ((string name, byte[] content) in _pending)
            {
                _durable[name] = content;
            }

            foreach (string name in _pendingDeletes)
            {
                _durable.Remove(name);
            }

            _pending.Clear();
            _pendingDeletes.Clear();
        }

        return ValueTask.CompletedTask;
    }

    private bool TakeStep()
    {
        ThrowIfDown();
        Steps++;
        return Steps == _crashAtStep;
    }

    private void ThrowIfLast(bool isLast)
    {
        if (isLast)
        {
            HasCrashed = true;
            throw new SimulatedCrashException($"The machine went down at step {Steps}.");
        }
    }

    private void ThrowIfDown()
    {
        if (HasCrashed)
        {
            throw new SimulatedCrashException("The machine is down.");
        }
    }

    private sealed class Upload(CrashingObjectStore store, string name) : ObjectUpload(name)
    {
        private readonly List<byte[]> _parts = [];

        protected override ValueTask AppendCoreAsync(ReadOnlyMemory<byte> part, CancellationToken cancellationToken)
        {
            lock (store._lock)
            {
                store.ThrowIfLast(store.TakeStep());
            }

            _parts.Add(part.ToArray());
            return ValueTask.CompletedTask;
        }

        protected override ValueTask<bool> CompleteCoreAsync(CancellationToken cancellationToken) =>
            store.TryCreateAsync(Name, _parts.SelectMany(part => part).ToArray(), ObjectCreateOptions.Default, cancellationToken);

        protected override ValueTask DisposeCoreAsync()
        {
            _parts.Clear();
            return ValueTask.CompletedTask;
        }
    }
}
