using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Collection;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots.Collection;

public class CollectTests
{
    private const int Length = 2 << 20;

    [Fact]
    public async Task Collect_RetiredSnapshots_LeavesWhatTheOthersNeed()
    {
        MemoryObjectStore store = new();
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, SnapshotTestData.SmallChunks);
        Dictionary<string, byte[]> disks = await CaptureHistoryAsync(repository, 6);
        foreach (string id in disks.Keys.Take(5).Where(static (_, index) => index != 2).ToArray())
        {
            await repository.DeleteAsync(id);
            disks.Remove(id);
        }

        CollectResult dry = await repository.CollectAsync(new CollectOptions { IsDryRun = true }, null);
        Dictionary<string, byte[]> before = await SnapshotTestData.DumpAsync(store);
        CollectResult result = await repository.CollectAsync(CollectOptions.Default, null);
        Dictionary<string, byte[]> after = await SnapshotTestData.DumpAsync(store);

        Assert.Equal(1, result.Generation);
        Assert.Equal(0, dry.DeletedPacks);
        Assert.True(result.DeletedPacks >= 3, $"{result.DeletedPacks} packs were deleted.");
        Assert.Equal(dry.CandidatePacks, result.DeletedPacks);
        string[] gone = [.. before.Keys.Except(after.Keys).Where(static name => name[0] is 'p' or 'm')];
        Assert.Equal(result.DeletedPacks, gone.Length);
        Assert.Equal(result.DeletedBytes, gone.Sum(name => before[name].Length));
        Assert.Equal(dry.Findings.Where(static one => one.IsCollected).Sum(static one => one.Bytes), result.DeletedBytes);
        await AssertReadableAsync(repository, store, disks);
        Assert.Equal(0, (await repository.CollectAsync(CollectOptions.Default, null)).Generation);
    }

    [Fact]
    public async Task Collect_EverythingRetired_LeavesRecordsAlone()
    {
        MemoryObjectStore store = new();
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, SnapshotTestData.SmallChunks);
        foreach (string id in (await CaptureHistoryAsync(repository, 10)).Keys)
        {
            await repository.DeleteAsync(id);
        }

        CollectResult result = await repository.CollectAsync(CollectOptions.Default, null);
        Assert.True(result.DeletedSegments > 0);
        Assert.DoesNotContain((await SnapshotTestData.DumpAsync(store)).Keys, static name => name[0] is 'p' or 'm' or 'i');
        byte[] again = SnapshotTestData.Mixed(Length, 3);
        string later = (await repository.CaptureAsync(new ModelDisk(again), SnapshotTestData.Capture("disk"), null)).Id;
        await AssertReadableAsync(repository, store, new() { [later] = again });
    }

    [Fact]
    public async Task Collect_UndecidedSession_IsKeptUntilItIsGivenUp()
    {
        MemoryObjectStore store = new();
        FaultyObjectStore faulty = new(store, 1, new StoreFaults());
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(faulty, SnapshotTestData.SmallChunks);
        byte[] content = SnapshotTestData.Mixed(Length, 5);
        faulty.Faults = new StoreFaults { FailEvery = 1, MayFailAfterDone = false, Prefix = "n/" };
        await Assert.ThrowsAsync<ObjectStoreException>(() => repository.CaptureAsync(new ModelDisk(content), new CaptureOptions { Image = "disk", Parent = SnapshotParent.None }, null));
        faulty.Faults = new StoreFaults();
        InterruptedCapture interrupted = Assert.Single(await repository.ListInterruptedAsync());
        Dictionary<string, byte[]> before = await SnapshotTestData.DumpAsync(store);

        CollectResult kept = await repository.CollectAsync(CollectOptions.Default, null);
        Assert.Equal(0, kept.Generation);
        Assert.Equal(before.Keys, (await SnapshotTestData.DumpAsync(store)).Keys);

        CollectResult collected = await repository.CollectAsync(new CollectOptions { AbortSessions = [interrupted.SessionId] }, null);
        Assert.Equal(interrupted.SessionId, Assert.Single(collected.AbortedSessions));
        Assert.DoesNotContain((await SnapshotTestData.DumpAsync(store)).Keys, static name => name[0] is 'p' or 'm' or 'i');
        await Assert.ThrowsAsync<SnapshotNotFoundException>(
            () => repository.CaptureAsync(new ModelDisk(content), new CaptureOptions { Image = "disk", ResumeSession = interrupted.SessionId }, null));
        await Assert.ThrowsAsync<SnapshotNotFoundException>(() => repository.CollectAsync(new CollectOptions { AbortSessions = ["00"] }, null));
    }

    [Fact]
    public async Task Collect_CutOffAtEveryStep_IsEndedByTheNext()
    {
        MemoryObjectStore initial = new();
        Dictionary<string, byte[]> disks;
        await using (SnapshotRepository repository = await SnapshotRepository.CreateAsync(new UnownedStore(initial), SnapshotTestData.SmallChunks))
        {
            disks = await CaptureHistoryAsync(repository, 4);
            foreach (string id in disks.Keys.Take(2).ToArray())
            {
                await repository.DeleteAsync(id);
                disks.Remove(id);
            }
        }

        Dictionary<string, byte[]> start = await SnapshotTestData.DumpAsync(initial);
        string[]? expected = null;
        long steps = long.MaxValue;
        for (long step = 1; step <= steps + 1; step++)
        {
            CrashingObjectStore crashing = new((int)step, step, false, start);
            SnapshotRepository first = await SnapshotRepository.OpenAsync(crashing);
            try
            {
                await first.CollectAsync(CollectOptions.Default, null);
                steps = 0;
            }
            catch (SimulatedCrashException)
            {
            }

            MemoryObjectStore store = await SnapshotTestData.StoreOfAsync(crashing.Recover());
            await using SnapshotRepository next = await SnapshotRepository.OpenAsync(store);
            CollectResult result = await next.CollectAsync(CollectOptions.Default, null);
            string[] left = [.. (await SnapshotTestData.DumpAsync(store)).Keys.Where(static name => name[0] is 'p' or 'm' or 'i')];
            expected ??= left;
            Assert.True(expected.SequenceEqual(left), $"step {step}: {string.Join(' ', left)}");
            await AssertReadableAsync(next, store, disks);
        }
    }

    [Fact]
    public async Task Collect_WithAPin_LeavesTheSnapshotToItsReader()
    {
        MemoryObjectStore store = new();
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, SnapshotTestData.SmallChunks);
        byte[] content = SnapshotTestData.Mixed(Length, 7);
        string id = (await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null)).Id;
        await using (SnapshotDisk disk = await repository.OpenDiskAsync(id, new SnapshotDiskOptions { Pin = true, CacheSize = 0 }))
        {
            await repository.DeleteAsync(id);
            CollectResult held = await repository.CollectAsync(CollectOptions.Default, null);
            Assert.Equal(0, held.DeletedPacks);
            Assert.Contains(held.Findings, static finding => finding.Reason == CollectReason.Shared);
            Assert.Equal(content, await SnapshotTestData.ReadAllAsync(disk));
        }

        await Assert.ThrowsAsync<SnapshotNotFoundException>(() => repository.OpenDiskAsync(id, new SnapshotDiskOptions { Pin = true }));
        Assert.True((await repository.CollectAsync(CollectOptions.Default, null)).DeletedPacks > 0);
        Assert.True((await repository.VerifyAsync(VerifyOptions.Default, null)).IsHealthy);
    }

    [Fact]
    public async Task Collect_DamagedRecordOfASnapshot_DeletesNothing()
    {
        MemoryObjectStore store = new();
        await using (SnapshotRepository repository = await SnapshotRepository.CreateAsync(new UnownedStore(store), SnapshotTestData.SmallChunks))
        {
            Dictionary<string, byte[]> disks = await CaptureHistoryAsync(repository, 2);
            await repository.DeleteAsync(disks.Keys.First());
        }

        Dictionary<string, byte[]> objects = await SnapshotTestData.DumpAsync(store);
        foreach (string name in objects.Keys.Where(static name => name.Contains("/prep.", StringComparison.Ordinal) || name.EndsWith("/fate", StringComparison.Ordinal)).ToArray())
        {
            Dictionary<string, byte[]> damaged = new(objects) { [name] = [.. objects[name]] };
            damaged[name][20] ^= 1;
            MemoryObjectStore copy = await SnapshotTestData.StoreOfAsync(damaged);
            await using SnapshotRepository repository = await SnapshotRepository.OpenAsync(copy);
            string session = name.Split('/')[1];
            bool isNeeded = !objects.ContainsKey($"s/{session}/retired") || name.EndsWith("/fate", StringComparison.Ordinal);
            bool isFated = name.EndsWith("/fate", StringComparison.Ordinal) || name.EndsWith("0001", StringComparison.Ordinal) || !objects.ContainsKey($"s/{session}/prep.0001");
            if (isNeeded && isFated)
            {
                await Assert.ThrowsAsync<RepositoryCorruptException>(() => repository.CollectAsync(CollectOptions.Default, null));
                Assert.Equal(objects.Keys.Order(), (await SnapshotTestData.DumpAsync(copy)).Keys.Order());
            }
        }
    }

    internal static async Task<Dictionary<string, byte[]>> CaptureHistoryAsync(SnapshotRepository repository, int count)
    {
        Dictionary<string, byte[]> disks = [];
        byte[] content = SnapshotTestData.Mixed(Length, 1);
        for (int index = 0; index < count; index++)
        {
            content = [.. content];
            new Random(index).NextBytes(content.AsSpan(index * 150_000, 200_000));
            disks.Add((await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null)).Id, content);
        }

        return disks;
    }

    internal static async Task AssertReadableAsync(SnapshotRepository repository, ObjectStore store, Dictionary<string, byte[]> disks)
    {
        FormatReader reader = new(await SnapshotTestData.DumpAsync(store));
        Assert.Equal(disks.Keys.Order(), reader.Committed().Order());
        foreach ((string id, byte[] content) in disks)
        {
            byte[] read = await SnapshotTestData.ReadAllAsync(repository, id);
            Assert.True(content.AsSpan().SequenceEqual(read), $"snapshot {id}");
            Assert.True(content.AsSpan().SequenceEqual(reader.ReadDisk(id)), $"snapshot {id}, read by the format alone");
        }

        VerifyResult verified = await repository.VerifyAsync(VerifyOptions.Default, null);
        Assert.True(verified.IsHealthy, string.Join("; ", verified.Problems));
        Assert.Empty(verified.UnknownObjects);
    }
}
