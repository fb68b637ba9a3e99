using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Collection;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Support;

namespace CloudImage.Sdk.Tests.Snapshots.Simulation;

/// <summary>One run: processes come and go for a while, then all is quiet and the rest is collected.</summary>
internal sealed class Simulation
{
    private const int BusySteps = 1200;
    private const int Chunks = 6;
    private const int Kinds = 9;

    // A 64th of a chunk: what a patch frame counts in.
    private const int Block = SnapshotTestData.ChunkSize / 64;
    private static readonly byte[][] s_kinds = MakeKinds();
    private static readonly ObjectRetryOptions s_retry = new() { MaximumAttempts = 4, FirstDelay = TimeSpan.Zero, MaximumDelay = TimeSpan.Zero };
    private readonly Random _random;
    private readonly Dictionary<string, byte[]> _images = new() { ["a"] = MakeDisk(1, 2, 3, 4, 5, 6), ["b"] = MakeDisk(3, 2, 1, 0, 5, 5) };
    private int _nextProcess;

    public Simulation(int seed)
    {
        World = new SimulatedWorld(seed);
        _random = World.Random;
    }

    public SimulatedWorld World { get; }

    /// <summary>Chunks that readers got from traces.</summary>
    public int Traced { get; private set; }

    public int Commits => World.Objects.Count(static pair => pair.Key.EndsWith("/fate", StringComparison.Ordinal) && pair.Value[12] == 1);

    public void Run()
    {
        RunToEnd("create", async process =>
        {
            await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(StoreOf(process), SnapshotTestData.SmallChunks);
        });
        while (World.Steps < BusySteps && World.Violation is null)
        {
            StartSome();
            World.Step();
        }

        (World.FailEvery, World.CrashEvery) = (0, 0);
        while (World.Violation is null && World.Step())
        {
        }

        World.DropLate();
        CollectTheRest();
    }

    private static byte[][] MakeKinds()
    {
        byte[][] kinds = new byte[Kinds][];
        for (int kind = 0; kind < Kinds; kind++)
        {
            kinds[kind] = new byte[SnapshotTestData.ChunkSize];
            new Random(kind).NextBytes(kinds[kind].AsSpan(0, kind == 0 ? 0 : 3000));
        }

        return kinds;
    }

    private static byte[] MakeDisk(params int[] kinds) => [.. kinds.SelectMany(static kind => s_kinds[kind])];

    private void StartSome()
    {
        StartUpTo("writer", 2, WriteAsync);
        StartUpTo("collector", 2, CollectAsync);
        StartUpTo("reader", 1, ReadAsync);
        StartUpTo("tracer", 1, TraceAsync);
        if (_random.Next(60) == 0)
        {
            StartUpTo("deleter", 1, DeleteAsync);
        }
    }

    private void StartUpTo(string kind, int count, Func<SimulatedProcess, Task> work)
    {
        if (World.CountRunning(kind) < count && _random.Next(kind == "writer" ? 4 : 25) == 0)
        {
            Start(kind, work);
        }
    }

    private SimulatedProcess Start(string kind, Func<SimulatedProcess, Task> work)
    {
        SimulatedProcess process = new(string.Create(CultureInfo.InvariantCulture, $"{kind} {_nextProcess++:d4}")) { Random = new Random(_random.Next()) };
        World.Start(process, async () =>
        {
            try
            {
                await work(process);
            }
            catch (SimulatedCrashException)
            {
            }
            catch (Exception exception) when (exception is ObjectStoreException or SnapshotNotFoundException || IsLostRace(exception))
            {
            }
            catch (Exception exception)
            {
                World.Report($"{process.Name}: {exception}");
            }
        });
        return process;
    }

    // A request that was sent twice can find what it made itself, and a capture can lose all its attempts: it then says so, and nothing is lost.
    private static bool IsLostRace(Exception exception) =>
        exception is SnapshotRepositoryException and not RepositoryCorruptException
        && (exception.Message.Contains("exists already", StringComparison.Ordinal) || ((SnapshotRepositoryException)exception).IsTransient);

    private void RunToEnd(string kind, Func<SimulatedProcess, Task> work)
    {
        (int failEvery, int crashEvery) = (World.FailEvery, World.CrashEvery);
        (World.FailEvery, World.CrashEvery) = (0, 0);
        Start(kind, work);
        while (World.Violation is null && World.Step())
        {
        }

        (World.FailEvery, World.CrashEvery) = (failEvery, crashEvery);
    }

    private RetryingObjectStore StoreOf(SimulatedProcess process) => new(new SimulatedStore(World, process), s_retry);

    private Task<SnapshotRepository> OpenAsync(SimulatedProcess process) =>
        SnapshotRepository.OpenAsync(StoreOf(process), new SnapshotRepositoryOpenOptions { NameSource = process.Random, TimeProvider = new StoppedClock() });

    private async Task WriteAsync(SimulatedProcess process)
    {
        string image = process.Random.Next(2) == 0 ? "a" : "b";
        byte[] content = [.. _images[image]];
        for (int changes = process.Random.Next(1, 4); changes > 0; changes--)
        {
            // A whole chunk, or a few blocks of one: what patches are made of.
            Span<byte> chunk = content.AsSpan(process.Random.Next(Chunks) * SnapshotTestData.ChunkSize, SnapshotTestData.ChunkSize);
            if (process.Random.Next(3) == 0)
            {
                s_kinds[process.Random.Next(Kinds)].CopyTo(chunk);
            }
            else
            {
                int count = process.Random.Next(1, 4);
                s_kinds[process.Random.Next(Kinds)].AsSpan(0, count * Block).CopyTo(chunk[(process.Random.Next(64 - count) * Block)..]);
            }
        }

        process.Content = content;
        await using SnapshotRepository repository = await OpenAsync(process);
        InterruptedCapture[] interrupted = process.Random.Next(3) == 0 ? [.. (await repository.ListInterruptedAsync()).Where(one => one.EncodedImage == image)] : [];
        CaptureOptions options = new()
        {
            Image = image,
            Concurrency = 1,
            Parent = process.Random.Next(4) == 0 ? SnapshotParent.None : SnapshotParent.Latest,
            Deduplication = process.Random.Next(3) == 0 ? ChunkDeduplication.Chain : ChunkDeduplication.Exact,
            PatchFrames = process.Random.Next(4) != 0,
            ResumeSession = interrupted.Length > 0 ? interrupted[process.Random.Next(interrupted.Length)].SessionId : null,
        };
        await repository.CaptureAsync(new ModelDisk(content), options, null);
        _images[image] = content;
    }

    private async Task CollectAsync(SimulatedProcess process)
    {
        await using SnapshotRepository repository = await OpenAsync(process);
        CollectOptions options = new()
        {
            CompactBelow = process.Random.Next(3) switch { 0 => 0, 1 => 0.6, _ => 1 },
            AbortSessionsIdleFor = process.Random.Next(6) == 0 ? TimeSpan.Zero : null,
        };
        await repository.CollectAsync(options, null);
    }

    private async Task DeleteAsync(SimulatedProcess process)
    {
        await using SnapshotRepository repository = await OpenAsync(process);
        IReadOnlyList<SnapshotInfo> snapshots = await repository.ListAsync();
        for (int count = 0; snapshots.Count > 1 && count < 2; count++)
        {
            await repository.DeleteAsync(snapshots[process.Random.Next(snapshots.Count)].Id);
        }
    }

    private async Task ReadAsync(SimulatedProcess process)
    {
        await using SnapshotRepository repository = await OpenAsync(process);
        string[] living = [.. World.Living.Keys.Order(StringComparer.Ordinal)];
        if (living.Length == 0)
        {
            return;
        }

        string id = living[process.Random.Next(living.Length)];
        byte[] expected = World.Living.GetValueOrDefault(id) ?? [];
        bool isPinned = process.Random.Next(2) == 0;
        await using SnapshotDisk disk = await repository.OpenDiskAsync(id, new SnapshotDiskOptions { Pin = isPinned, ReadAheadChunks = 0, RecordTrace = true });
        try
        {
            if (process.Random.Next(2) == 0)
            {
                Traced += await disk.PrefetchAsync();
            }

            for (int chunk = 0; chunk < Chunks; chunk++)
            {
                byte[] content = new byte[SnapshotTestData.ChunkSize];
                await disk.ReadAsync(content, (long)chunk * content.Length);
                if (!content.AsSpan().SequenceEqual(expected.AsSpan(chunk * content.Length, content.Length)))
                {
                    World.Report($"{process.Name}: chunk {chunk} of {id} reads as something else.");
                }
            }
        }
        catch (RepositoryCorruptException exception) when (!isPinned && World.IsRetired(id))
        {
            // Given up and collected under a reader without a pin.
            _ = exception;
        }
    }

    // Reads a few chunks as a machine that boots does, and keeps what was read in that order; or drops what was kept.
    private async Task TraceAsync(SimulatedProcess process)
    {
        await using SnapshotRepository repository = await OpenAsync(process);
        string[] living = [.. World.Living.Keys.Order(StringComparer.Ordinal)];
        if (living.Length == 0)
        {
            return;
        }

        string id = living[process.Random.Next(living.Length)];
        try
        {
            if (process.Random.Next(6) == 0)
            {
                await repository.DropTraceAsync(id);
                return;
            }

            ReadTrace trace;
            await using (SnapshotDisk disk = await repository.OpenDiskAsync(id, new SnapshotDiskOptions { ReadAheadChunks = 0, RecordTrace = true }))
            {
                for (int count = process.Random.Next(1, 4); count > 0; count--)
                {
                    await disk.ReadAsync(new byte[100], process.Random.Next(Chunks * SnapshotTestData.ChunkSize - 100));
                }

                trace = disk.GetTrace();
            }

            await repository.SaveTraceAsync(id, trace);
        }
        catch (RepositoryCorruptException exception) when (World.IsRetired(id))
        {
            // As for any reader without a pin.
            _ = exception;
        }
    }

    private void CollectTheRest()
    {
        CollectResult? last = null;
        RunToEnd("last", async process =>
        {
            await using SnapshotRepository repository = await OpenAsync(process);
            await repository.CollectAsync(new CollectOptions { AbortSessionsIdleFor = TimeSpan.Zero }, null);
            last = await repository.CollectAsync(CollectOptions.Default, null);
            VerifyResult verified = await repository.VerifyAsync(VerifyOptions.Default, null);
            if (!verified.IsHealthy)
            {
                World.Report(string.Join("; ", verified.Problems.Select(static problem => problem.Message)));
            }
        });
        if (last is { CandidatePacks: > 0 })
        {
            World.Report($"{last.CandidatePacks} packs were still to be collected.");
        }

        RunToEnd("last", async process =>
        {
            await using SnapshotRepository repository = await OpenAsync(process);
            foreach (SnapshotInfo snapshot in await repository.ListAsync())
            {
                await repository.DeleteAsync(snapshot.Id);
            }

            await repository.CollectAsync(CollectOptions.Default, null);
            await repository.CollectAsync(CollectOptions.Default, null);
        });
        string[] pinned = [.. World.Objects.Keys.Where(name => name.Contains("/pin.", StringComparison.Ordinal) && !name.EndsWith(".released", StringComparison.Ordinal) && !World.Objects.ContainsKey($"{name}.released"))];
        string[] left = [.. World.Objects.Keys.Where(static name => name[0] is 'p' or 'm' or 'i' or 't')];
        if (left.Length > 0 && pinned.Length == 0 && World.Violation is null)
        {
            World.Report($"These objects are left when nothing is: {string.Join(' ', left)}");
        }
    }

    private sealed class StoppedClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch;
    }
}
