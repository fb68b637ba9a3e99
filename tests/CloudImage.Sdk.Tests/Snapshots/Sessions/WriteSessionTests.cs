using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Collection;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Sessions;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Snapshots.Collection;
using Xunit;
using ObjectNames = CloudImage.Sdk.Snapshots.ObjectNames;

namespace CloudImage.Sdk.Tests.Snapshots.Sessions;

/// <summary>What a writer does about generations of collection: at W0, at W4, and at every moment between.</summary>
public class WriteSessionTests
{
    private const int Length = 2 << 20;

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.9)]
    public async Task Capture_ParentRetiredAndCollectedAtAnyCreation_IsReadable(double compactBelow)
    {
        (Dictionary<string, byte[]> initial, Dictionary<string, byte[]> disks) = await MakeAsync();
        byte[] content = [.. disks.Values.Last()];
        new Random(9).NextBytes(content.AsSpan(0, 70_000));
        int creations = int.MaxValue;
        int conflicts = 0;
        for (int at = 1; at <= creations; at++)
        {
            foreach (bool isBefore in new[] { true, false })
            {
                MemoryObjectStore store = await SnapshotTestData.StoreOfAsync(initial);
                HookedStore hooked = new(store);
                Func<int, string, Task> collect = async (number, _) =>
                {
                    if (number == at)
                    {
                        await using SnapshotRepository other = await SnapshotRepository.OpenAsync(new UnownedStore(store));
                        foreach (string id in disks.Keys)
                        {
                            await other.DeleteAsync(id);
                        }

                        await other.CollectAsync(new CollectOptions { CompactBelow = compactBelow }, null);
                    }
                };
                (hooked.BeforeCreate, hooked.AfterCreate) = isBefore ? (collect, null) : ((Func<int, string, Task>?)null, collect);
                await using SnapshotRepository repository = await SnapshotRepository.OpenAsync(hooked);
                string captured = (await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null)).Id;
                creations = int.Min(creations, hooked.Creations);
                await CollectTests.AssertReadableAsync(repository, store, Living(captured, content, disks, await repository.ListAsync()));
                conflicts += (await SnapshotTestData.DumpAsync(store)).Keys.Count(static name => name.EndsWith("/open", StringComparison.Ordinal)) - disks.Count - 1;
                await repository.CollectAsync(new CollectOptions { CompactBelow = compactBelow }, null);
                await CollectTests.AssertReadableAsync(repository, store, Living(captured, content, disks, await repository.ListAsync()));
            }
        }

        Assert.True(conflicts > 0, "No capture had to begin again.");
    }

    [Fact]
    public async Task Capture_SpaceCompactedAtAnyCreation_IsReadable()
    {
        (Dictionary<string, byte[]> initial, Dictionary<string, byte[]> disks) = await MakeAsync();
        byte[] content = [.. disks.Values.Last()];
        new Random(9).NextBytes(content.AsSpan(0, 70_000));
        foreach (bool isExact in new[] { true, false })
        {
            int creations = int.MaxValue;
            for (int at = 1; at <= creations; at++)
            {
                MemoryObjectStore store = await SnapshotTestData.StoreOfAsync(initial);
                HookedStore hooked = new(store);
                hooked.AfterCreate = async (number, _) =>
                {
                    if (number == at)
                    {
                        await using SnapshotRepository other = await SnapshotRepository.OpenAsync(new UnownedStore(store));
                        await other.CollectAsync(new CollectOptions { CompactBelow = 1 }, null);
                    }
                };
                await using SnapshotRepository repository = await SnapshotRepository.OpenAsync(hooked);
                CaptureOptions options = new() { Image = "disk", Deduplication = isExact ? ChunkDeduplication.Exact : ChunkDeduplication.Chain };
                string captured = (await repository.CaptureAsync(new ModelDisk(content), options, null)).Id;
                creations = int.Min(creations, hooked.Creations);
                Dictionary<string, byte[]> living = new(disks) { [captured] = content };
                await CollectTests.AssertReadableAsync(repository, store, living);
                await repository.CollectAsync(new CollectOptions { CompactBelow = 1 }, null);
                await CollectTests.AssertReadableAsync(repository, store, living);
            }
        }
    }

    [Fact]
    public async Task Open_PackInASweepOrAnUnsweptCond_IsNotUsable()
    {
        MemoryObjectStore store = new();
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, SnapshotTestData.SmallChunks);
        RepositoryContext context = repository.Context;
        PackId[] packs = [.. Enumerable.Range(0, 4).Select(static number => new PackId(PackKind.Data, SessionId.NewRandom(), 0, number))];
        await CreateGenerationAsync(context, 1, [packs[0], packs[1]], [packs[0]], isDone: true);
        await CreateGenerationAsync(context, 2, [packs[2]], null, isDone: false);
        WriteSession session = await WriteSession.OpenAsync(context, "disk", CancellationToken.None);
        Assert.False(session.IsUsable(packs[0]));
        Assert.True(session.IsUsable(packs[1]));
        Assert.False(session.IsUsable(packs[2]));
        Assert.True(session.IsUsable(packs[3]));
        Assert.Equal(1, OpenRecord.Read("open", (await context.TryReadRecordAsync(ObjectNames.Open(session.Id), RecordKind.Open, CancellationToken.None))!.Value).Generation);
    }

    [Fact]
    public async Task Check_GenerationMissingInBetween_GivesTheSessionUp()
    {
        MemoryObjectStore store = new();
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, SnapshotTestData.SmallChunks);
        RepositoryContext context = repository.Context;
        WriteSession session = await WriteSession.OpenAsync(context, "disk", CancellationToken.None);
        PackId pack = new(PackKind.Data, SessionId.NewRandom(), 0, 0);
        await CreateGenerationAsync(context, 2, [pack], null, isDone: false);
        await Assert.ThrowsAsync<SessionConflictException>(async () => await session.CheckAsync(new RefSet(), CancellationToken.None));
        Assert.True(await store.ExistsAsync(ObjectNames.Fate(session.Id)));
        await Assert.ThrowsAsync<SessionConflictException>(async () => await session.CommitAsync(0, new byte[32], CancellationToken.None));
    }

    [Fact]
    public async Task Check_DeadRef_SaysSoEvenWhenTheGenerationIsDone()
    {
        MemoryObjectStore store = new();
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, SnapshotTestData.SmallChunks);
        RepositoryContext context = repository.Context;
        PackId pack = new(PackKind.Data, SessionId.NewRandom(), 0, 0);
        PackId spared = new(PackKind.Data, SessionId.NewRandom(), 0, 0);
        WriteSession session = await WriteSession.OpenAsync(context, "disk", CancellationToken.None);
        RefSet refs = new();
        refs.Add(pack);
        Assert.True(await session.CheckAsync(refs, CancellationToken.None));
        await CreateGenerationAsync(context, 1, [pack, spared], [pack], isDone: true);
        Assert.True(session.IsUsable(pack));
        Assert.False(await session.CheckAsync(refs, CancellationToken.None));
        Assert.False(session.IsUsable(pack));
        RefSet other = new();
        other.Add(spared);
        Assert.True(await session.CheckAsync(other, CancellationToken.None));
    }

    private static async Task<(Dictionary<string, byte[]> Objects, Dictionary<string, byte[]> Disks)> MakeAsync()
    {
        MemoryObjectStore store = new();
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, SnapshotTestData.SmallChunks);
        Dictionary<string, byte[]> disks = [];
        byte[] content = SnapshotTestData.Mixed(Length / 2, 11);
        for (int index = 0; index < 2; index++)
        {
            content = [.. content];
            new Random(index).NextBytes(content.AsSpan(index * 300_000, 200_000));
            disks.Add((await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null)).Id, content);
        }

        return (await SnapshotTestData.DumpAsync(store), disks);
    }

    private static Dictionary<string, byte[]> Living(
        string captured, byte[] content, Dictionary<string, byte[]> disks, IReadOnlyList<SnapshotInfo> listed)
    {
        Dictionary<string, byte[]> all = new(disks) { [captured] = content };
        Assert.Contains(listed, one => one.Id == captured);
        return listed.ToDictionary(static one => one.Id, one => all[one.Id]);
    }

    private static async Task CreateGenerationAsync(RepositoryContext context, long number, PackId[] condemned, PackId[]? swept, bool isDone)
    {
        RefSet refs = new();
        refs.UnionWith(condemned);
        CondemnedRecord record = new() { CreatedAt = DateTimeOffset.UnixEpoch, Collector = "test", MovesHash = default, Refs = refs };
        await context.TryCreateRecordAsync(ObjectNames.Generation(number, "cond"), RecordKind.Condemned, record.ToBody(), CancellationToken.None);
        if (swept is not null)
        {
            RefSet sweep = new();
            sweep.UnionWith(swept);
            RecordWriter writer = new();
            sweep.Write(writer);
            await context.TryCreateRecordAsync(ObjectNames.Generation(number, "sweep"), RecordKind.Sweep, writer.Written, CancellationToken.None);
        }

        if (isDone)
        {
            DoneRecord done = new() { EndedAt = DateTimeOffset.UnixEpoch, Collector = "test", Packs = swept?.Length ?? 0 };
            await context.TryCreateRecordAsync(ObjectNames.Generation(number, "done"), RecordKind.GenerationDone, done.ToBody(), CancellationToken.None);
        }
    }
}
