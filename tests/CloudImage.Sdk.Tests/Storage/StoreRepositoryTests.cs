using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Collection;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Snapshots;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Storage;

/// <summary>Repositories on a store of a service: writers that stop anywhere, and writers and collectors side by side. The tests of each store derive from it.</summary>
public abstract class StoreRepositoryTests
{
    /// <summary>CLOUDIMAGE_STORE_STEPS=N stops after each of N steps, spread over the work.</summary>
    private static readonly int s_steps = int.Parse(Environment.GetEnvironmentVariable("CLOUDIMAGE_STORE_STEPS") ?? "3", CultureInfo.InvariantCulture);

    /// <summary>CLOUDIMAGE_STORE_SECONDS=N lets writers and collectors work side by side for N seconds.</summary>
    private static readonly double s_seconds = double.Parse(Environment.GetEnvironmentVariable("CLOUDIMAGE_STORE_SECONDS") ?? "3", CultureInfo.InvariantCulture);

    /// <summary>Names a place that nobody has used.</summary>
    /// <returns>Opens the place, as another process would each time.</returns>
    protected abstract ValueTask<Func<Task<ObjectStore>>> NewPlaceAsync();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Capture_ThatStopsAnywhere_LosesNothingAndIsCollected(bool stopsAfterTheRequest)
    {
        byte[] first = SnapshotTestData.Mixed(1 << 20, 1);
        byte[] second = [.. first];
        new Random(2).NextBytes(second.AsSpan(300_000, 200_000));
        int all = await CaptureTwiceAsync(first, second, int.MaxValue, stopsAfterTheRequest);
        Assert.True(all > 5, $"{all} requests");
        for (int index = 0; index < s_steps; index++)
        {
            await CaptureTwiceAsync(first, second, index * all / s_steps, stopsAfterTheRequest);
        }
    }

    [Fact]
    public async Task WritersAndCollectors_SideBySide_LoseNothing()
    {
        Func<Task<ObjectStore>> openAsync = await NewPlaceAsync();
        ObjectStore store = await openAsync();
        Assert.SkipUnless(store.Capabilities.HasAtomicCreate, "The store lets several creators of one name win: its repositories are collected by age, not side by side.");
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, SnapshotTestData.SmallChunks);
        ConcurrentDictionary<string, byte[]> acknowledged = new();
        int collections = 0;
        long end = Stopwatch.GetTimestamp() + (long)(s_seconds * Stopwatch.Frequency);
        Task[] workers =
        [
            .. Enumerable.Range(0, 3).Select(writer => Task.Run(() => WriteAsync(openAsync, writer, end, acknowledged))),
            .. Enumerable.Range(0, 2).Select(_ => Task.Run(async () =>
            {
                await using SnapshotRepository own = await SnapshotRepository.OpenAsync(await openAsync());
                while (Stopwatch.GetTimestamp() < end)
                {
                    await own.CollectAsync(new CollectOptions { CompactBelow = 0.5 }, null);
                    Interlocked.Increment(ref collections);
                }
            })),
        ];
        await Task.WhenAll(workers);
        for (int round = 0; round < 3; round++)
        {
            await repository.CollectAsync(CollectOptions.Default, null);
        }

        string[] listed = [.. (await repository.ListAsync()).Select(static snapshot => snapshot.Id)];
        Assert.Equal(acknowledged.Keys.Order(StringComparer.Ordinal), listed.Order(StringComparer.Ordinal));
        Assert.True(listed.Length >= 3 && collections >= 2, $"{listed.Length} snapshots, {collections} collections");
        foreach (string id in listed)
        {
            Assert.Equal(acknowledged[id], await SnapshotTestData.ReadAllAsync(repository, id));
        }

        VerifyResult verified = await repository.VerifyAsync(new VerifyOptions { Level = VerifyLevel.Content }, null);
        Assert.True(verified.IsHealthy, string.Join("; ", verified.Problems));
        TestContext.Current.TestOutputHelper?.WriteLine($"{listed.Length} snapshots stand, {collections} collections beside them");
    }

    private static async Task WriteAsync(Func<Task<ObjectStore>> openAsync, int writer, long end, ConcurrentDictionary<string, byte[]> acknowledged)
    {
        Random random = new(writer);
        byte[] content = SnapshotTestData.Mixed(1 << 20, writer);
        Queue<string> mine = new();
        await using SnapshotRepository repository = await SnapshotRepository.OpenAsync(await openAsync());
        do
        {
            random.NextBytes(content.AsSpan(random.Next(content.Length - 70_000), 70_000));
            CaptureResult result = await repository.CaptureAsync(new TestDisk([.. content]), SnapshotTestData.Capture($"disk{writer}"), null);
            acknowledged[result.Id] = [.. content];
            mine.Enqueue(result.Id);
            if (mine.Count > 3)
            {
                string old = mine.Dequeue();
                acknowledged.TryRemove(old, out byte[]? _);
                await repository.DeleteAsync(old);
            }
        }
        while (Stopwatch.GetTimestamp() < end);
    }

    /// <summary>Takes a snapshot, then another one that stops after some requests, and looks at what is left.</summary>
    /// <returns>How many requests the second one made.</returns>
    private async Task<int> CaptureTwiceAsync(byte[] first, byte[] second, int requests, bool stopsAfterTheRequest)
    {
        Func<Task<ObjectStore>> openAsync = await NewPlaceAsync();
        Dictionary<string, byte[]> acknowledged = [];
        await using (SnapshotRepository repository = await SnapshotRepository.CreateAsync(await openAsync(), SnapshotTestData.SmallChunks))
        {
            acknowledged.Add((await repository.CaptureAsync(new TestDisk(first), SnapshotTestData.Capture("disk"), null)).Id, first);
        }

        StoppingStore stopping = new(await openAsync(), stopsAfterTheRequest);
        await using (SnapshotRepository repository = await SnapshotRepository.OpenAsync(stopping))
        {
            stopping.StopAfter(requests);
            try
            {
                acknowledged.Add((await repository.CaptureAsync(new TestDisk(second), SnapshotTestData.Capture("disk"), null)).Id, second);
            }
            catch (SimulatedCrashException)
            {
                Assert.NotEqual(int.MaxValue, requests);
            }
        }

        await using SnapshotRepository after = await SnapshotRepository.OpenAsync(await openAsync());
        CollectOptions abandoning = new() { AbortSessionsIdleFor = TimeSpan.Zero };
        for (int round = 0; round < 2; round++)
        {
            await after.CollectAsync(abandoning, null);
        }

        IReadOnlyList<SnapshotInfo> snapshots = await after.ListAsync();
        Assert.Empty(acknowledged.Keys.Except(snapshots.Select(static snapshot => snapshot.Id)));
        for (int index = 0; index < snapshots.Count; index++)
        {
            // One that was committed and not acknowledged is there whole.
            Assert.Equal(index == 0 ? first : second, await SnapshotTestData.ReadAllAsync(after, snapshots[index].Id));
        }

        VerifyResult verified = await after.VerifyAsync(new VerifyOptions { Level = VerifyLevel.Content }, null);
        Assert.True(verified.IsHealthy, $"after {requests} requests: {string.Join("; ", verified.Problems)}");
        return stopping.Requests;
    }

    /// <summary>Serves so many requests, and then no more, as a process that died sends none.</summary>
    private sealed class StoppingStore(ObjectStore inner, bool stopsAfterTheRequest) : DelegatingObjectStore(inner)
    {
        private int _left = int.MaxValue;
        private int _requests;

        public int Requests => _requests;

        public void StopAfter(int requests)
        {
            _left = requests;
            _requests = 0;
        }

        protected override ValueTask<ObjectUpload> BeginCreateCoreAsync(string name, ObjectCreateOptions options, CancellationToken cancellationToken) =>
            ValueTask.FromResult<ObjectUpload>(new GatheringUpload(this, name, options));

        protected override ValueTask<bool> TryCreateCoreAsync(string name, ReadOnlyMemory<byte> content, ObjectCreateOptions options, CancellationToken cancellationToken) =>
            StopAsync(() => base.TryCreateCoreAsync(name, content, options, cancellationToken));

        protected override ValueTask<int> ReadCoreAsync(string name, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken) =>
            StopAsync(() => base.ReadCoreAsync(name, buffer, offset, mode, cancellationToken));

        protected override ValueTask<ObjectInfo?> GetInfoCoreAsync(string name, IoMode mode, CancellationToken cancellationToken) =>
            StopAsync(() => base.GetInfoCoreAsync(name, mode, cancellationToken));

        private async ValueTask<T> StopAsync<T>(Func<ValueTask<T>> call)
        {
            Interlocked.Increment(ref _requests);
            bool isLast = Interlocked.Decrement(ref _left) < 0;
            if (isLast && (!stopsAfterTheRequest || _left < -1))
            {
                throw new SimulatedCrashException();
            }

            T result = await call();
            return isLast ? throw new SimulatedCrashException() : result;
        }

        private sealed class GatheringUpload(ObjectStore store, string name, ObjectCreateOptions options) : ObjectUpload(name)
        {
            private readonly System.IO.MemoryStream _content = new();

            protected override ValueTask AppendCoreAsync(ReadOnlyMemory<byte> part, CancellationToken cancellationToken)
            {
                _content.Write(part.Span);
                return ValueTask.CompletedTask;
            }

            protected override ValueTask<bool> CompleteCoreAsync(CancellationToken cancellationToken) =>
                store.TryCreateAsync(Name, _content.ToArray(), options, cancellationToken);

            protected override ValueTask DisposeCoreAsync() => _content.DisposeAsync();
        }
    }
}
