using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO.Hashing;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Support;

namespace CloudImage.Sdk.Tests.Snapshots.Simulation;

/// <summary>
/// The store, and the scheduler: one request after the other is picked by chance from those under way, and done, done twice, failed before
/// or after it was done; processes crash, and what they had sent may arrive later. Deletions and decisions are checked as they happen.
/// </summary>
/// <remarks>
/// A step begins when no process computes any more: each waits for requests. That, names drawn from the seed and a clock of its own make a
/// run repeat exactly. It needs the thread pool for itself, so tests that use it run alone.
/// </remarks>
internal sealed class SimulatedWorld
{
    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(30);
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, byte[]> _objects = new(StringComparer.Ordinal);
    private readonly List<SimulatedRequest> _pending = [];
    private readonly List<SimulatedRequest> _late = [];
    private readonly List<SimulatedProcess> _processes = [];
    private readonly Dictionary<string, byte[]> _committed = new(StringComparer.Ordinal);
    private readonly HashSet<string> _retired = new(StringComparer.Ordinal);
    private readonly HashSet<string> _gone = new(StringComparer.Ordinal);
    private readonly XxHash64 _trace = new();
    private readonly Queue<string> _lastSteps = new();

    public SimulatedWorld(int seed) => Random = new Random(seed);

    public Random Random { get; }

    /// <summary>Requests done so far.</summary>
    public int Steps { get; private set; }

    public int Crashes { get; private set; }

    public int Failures { get; private set; }

    public int Deletions { get; private set; }

    /// <summary>Chunks that were put together from a patch and its base, in all checks.</summary>
    public int Patches { get; private set; }

    /// <summary>Traces that were kept.</summary>
    public int Traces { get; private set; }

    /// <summary>One step in so many fails; 0: none.</summary>
    public int FailEvery { get; set; } = 60;

    public int CrashEvery { get; set; } = 250;

    /// <summary>What went wrong; null: nothing.</summary>
    public string? Violation { get; private set; }

    /// <summary>A hash of everything that happened, in order.</summary>
    public ulong TraceHash => _trace.GetCurrentHashAsUInt64();

    public IReadOnlyDictionary<string, byte[]> Objects => _objects;

    /// <summary>The snapshots that have to be readable, with their content.</summary>
    public Dictionary<string, byte[]> Living
    {
        get
        {
            lock (_lock)
            {
                return _committed.Where(pair => !_retired.Contains(pair.Key)).ToDictionary(StringComparer.Ordinal);
            }
        }
    }

    public bool IsRetired(string snapshot)
    {
        lock (_lock)
        {
            return _retired.Contains(snapshot);
        }
    }

    /// <summary>The last requests, for a report.</summary>
    public string LastSteps => string.Join(Environment.NewLine, _lastSteps);

    public void Start(SimulatedProcess process, Func<Task> work)
    {
        lock (_lock)
        {
            _processes.Add(process);
        }

        process.Task = Task.Run(work);
    }

    public void Report(string violation) => Violation ??= violation;

    public int CountRunning(string prefix) => _processes.Count(process => process.Name.StartsWith(prefix, StringComparison.Ordinal) && !process.Task.IsCompleted);

    public Task<T> SubmitAsync<T>(SimulatedProcess process, string text, bool isWrite, Func<T> apply)
    {
        SimulatedRequest<T> request = new(process, text, apply) { IsWrite = isWrite };
        lock (_lock)
        {
            if (process.HasCrashed)
            {
                request.Fail(new SimulatedCrashException());
            }
            else
            {
                _pending.Add(request);
            }
        }

        return request.Task;
    }

    public T RunNow<T>(SimulatedProcess process, Func<T> apply)
    {
        lock (_lock)
        {
            return process.HasCrashed ? throw new SimulatedCrashException() : apply();
        }
    }

    /// <summary>Does the next request.</summary>
    /// <returns>False where no process is left.</returns>
    public bool Step()
    {
        if (!WaitUntilIdle())
        {
            return false;
        }

        lock (_lock)
        {
            if (_late.Count > 0 && Random.Next(20) == 0)
            {
                SimulatedRequest late = _late[Random.Next(_late.Count)];
                _late.Remove(late);
                Note($"late {late.Process.Name}: {late.Text}");
                late.Apply();
                return true;
            }

            _pending.Sort(static (left, right) =>
            {
                int order = string.CompareOrdinal(left.Process.Name, right.Process.Name);
                return order != 0 ? order : string.CompareOrdinal(left.Text, right.Text);
            });
            SimulatedRequest request = _pending[Random.Next(_pending.Count)];
            if (CrashEvery > 0 && Random.Next(CrashEvery) == 0)
            {
                Crash(request.Process);
                return true;
            }

            _pending.Remove(request);
            Do(request, FailEvery > 0 ? Random.Next(FailEvery) : FailEvery + 3);
        }

        return true;
    }

    /// <summary>What was still on its way of crashed processes is lost.</summary>
    public void DropLate() => _late.Clear();

    public bool TryCreate(string name, byte[] content, byte[] captured)
    {
        if (_gone.Contains(name))
        {
            // Arrived after its object was deleted: names are not used again, and a store that lets it stand leaves garbage at worst.
            Note($"again {name}");
        }

        if (!_objects.TryAdd(name, content))
        {
            return false;
        }

        string[] parts = name.Split('/');
        if (parts.Length == 3 && parts[0] == "s" && parts[2] == "fate" && content[12] == 1)
        {
            _committed.Add(parts[1], captured);
            Check($"{parts[1]} was committed");
        }
        else if (parts.Length == 3 && parts[0] == "s" && parts[2] == "retired")
        {
            _retired.Add(parts[1]);
        }
        else if (parts[0] == "t")
        {
            Traces++;
            CheckTrace(name, parts[1].Split('-')[0]);
        }

        return true;
    }

    public ReadOnlySpan<byte> Read(string name) => _objects.TryGetValue(name, out byte[]? content) ? content : throw new ObjectNotFoundException(name);

    public ObjectInfo? Find(string name) => _objects.TryGetValue(name, out byte[]? content) ? Describe(name, content) : null;

    public IReadOnlyList<ObjectInfo> List(string prefix, string? after, int count) =>
    [
        .. _objects.Where(pair => pair.Key.StartsWith(prefix, StringComparison.Ordinal) && (after is null || string.CompareOrdinal(pair.Key, after) > 0))
            .Take(count).Select(static pair => Describe(pair.Key, pair.Value)),
    ];

    public bool Delete(string name)
    {
        if (_objects.Remove(name))
        {
            _gone.Add(name);
            Deletions++;
            if (name[0] is 'p' or 'm')
            {
                Check($"{name} was deleted");
            }
        }

        return true;
    }

    private static ObjectInfo Describe(string name, byte[] content) => new(name, content.Length, DateTimeOffset.UnixEpoch, default);

    private void Do(SimulatedRequest request, int chance)
    {
        Note($"{chance switch { 0 => "fail before", 1 => "fail after", 2 => "twice", _ => "do" }} {request.Process.Name}: {request.Text}");
        if (chance != 0)
        {
            request.Apply();
        }

        if (chance == 2 && request.IsWrite)
        {
            request.Apply();
        }

        if (chance is 0 or 1)
        {
            Failures++;
            request.Fail(new ObjectStoreException(request.Text, "a fault was injected.", null) { IsTransient = true });
        }
        else
        {
            request.Answer();
        }
    }

    private void Crash(SimulatedProcess process)
    {
        Note($"crash {process.Name}");
        Crashes++;
        process.HasCrashed = true;
        foreach (SimulatedRequest request in _pending.Where(request => request.Process == process).ToArray())
        {
            _pending.Remove(request);
            if (request.IsWrite && Random.Next(2) == 0)
            {
                _late.Add(request);
            }

            request.Fail(new SimulatedCrashException());
        }
    }

    // Whatever is in the store, by the format alone.
    private void Check(string occasion)
    {
        foreach ((string snapshot, byte[] content) in _committed)
        {
            if (_retired.Contains(snapshot))
            {
                continue;
            }

            try
            {
                FormatReader reader = new(_objects);
                if (!reader.ReadDisk(snapshot).AsSpan().SequenceEqual(content))
                {
                    Report($"When {occasion}, snapshot {snapshot} reads as something else.");
                }

                Patches += reader.Patches;
            }
            catch (Exception exception) when (exception is KeyNotFoundException or System.IO.InvalidDataException or ArgumentException)
            {
                Report($"When {occasion}, snapshot {snapshot} cannot be read: {exception.Message}");
            }
        }
    }

    private void CheckTrace(string name, string snapshot)
    {
        foreach ((long chunk, byte[] plain) in new FormatReader(_objects).ReadTrace(name))
        {
            if (!_committed[snapshot].AsSpan((int)chunk * plain.Length, plain.Length).SequenceEqual(plain))
            {
                Report($"Trace {name} holds something else for chunk {chunk}.");
            }
        }
    }

    private void Note(string step)
    {
        Steps++;
        _trace.Append(Encoding.UTF8.GetBytes(step));
        _lastSteps.Enqueue(string.Create(CultureInfo.InvariantCulture, $"{Steps} {step}"));
        if (_lastSteps.Count > 400)
        {
            _lastSteps.Dequeue();
        }
    }

    // Every process that has not ended waits for a request, and nothing runs on the pool.
    private bool WaitUntilIdle()
    {
        long startedAt = Stopwatch.GetTimestamp();
        SpinWait spin = default;
        int calm = 0;
        while (true)
        {
            bool isCalm;
            lock (_lock)
            {
                _processes.RemoveAll(static process => process.Task.IsCompleted);
                if (_processes.Count == 0)
                {
                    return _late.Count > 0 && _pending.Count == 0 ? DropAndEnd() : false;
                }

                isCalm = _processes.TrueForAll(process => _pending.Exists(request => request.Process == process)) && IsPoolIdle();
            }

            calm = isCalm ? calm + 1 : 0;
            if (calm >= 2)
            {
                return true;
            }

            if (Stopwatch.GetElapsedTime(startedAt) > s_longestWait)
            {
                string stuck = string.Join(", ", _processes.Where(process => !_pending.Exists(request => request.Process == process)).Select(static process => process.Name));
                Report($"After {Steps} steps these processes neither ended nor asked for anything: {stuck}.");
                return false;
            }

            spin.SpinOnce(-1);
        }
    }

    private bool DropAndEnd()
    {
        _late.Clear();
        return false;
    }

    private static bool IsPoolIdle()
    {
        ThreadPool.GetMaxThreads(out int maximum, out _);
        ThreadPool.GetAvailableThreads(out int available, out _);
        return maximum == available && ThreadPool.PendingWorkItemCount == 0;
    }
}
