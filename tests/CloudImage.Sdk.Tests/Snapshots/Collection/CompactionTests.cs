using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Collection;
using CloudImage.Sdk.Snapshots.Encryption;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots.Collection;

public class CompactionTests
{
    private static readonly CollectOptions s_compact = new() { CompactBelow = 0.9 };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Compact_SparsePacks_FreesSpaceAndReadsTheSame(bool isEncrypted)
    {
        using KeyFileProvider key = new(new byte[32]);
        SnapshotRepositoryOptions options = isEncrypted
            ? new() { ChunkSize = SnapshotTestData.ChunkSize, Encryption = RepositoryEncryption.Aes256Gcm, Keys = [key] }
            : SnapshotTestData.SmallChunks;
        MemoryObjectStore store = new();
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, options);
        Dictionary<string, byte[]> disks = await MakeSparseAsync(repository);
        long before = (await SnapshotTestData.DumpAsync(store)).Where(static pair => pair.Key[0] is 'p' or 'm').Sum(static pair => (long)pair.Value.Length);
        CollectResult dry = await repository.CollectAsync(new CollectOptions { CompactBelow = 0.9, IsDryRun = true }, null);
        CollectResult result = await repository.CollectAsync(s_compact, null);
        long after = (await SnapshotTestData.DumpAsync(store)).Where(static pair => pair.Key[0] is 'p' or 'm').Sum(static pair => (long)pair.Value.Length);
        Assert.Equal((dry.CompactedPacks, dry.CopiedBytes), (result.CompactedPacks, result.CopiedBytes));
        Assert.True(result.CompactedPacks > 0 && result.CopiedBytes > 0 && after < before, $"{result.CompactedPacks} packs, {result.CopiedBytes} bytes, {before} to {after} bytes.");
        Assert.Empty(result.Warnings);
        await AssertReadableAsync(repository, store, disks, !isEncrypted);
        await using SnapshotRepository other = await SnapshotRepository.OpenAsync(new UnownedStore(store), new SnapshotRepositoryOpenOptions { Key = key });
        await AssertReadableAsync(other, store, disks, !isEncrypted);
        Assert.Equal(0, (await repository.CollectAsync(s_compact, null)).Generation);
        Assert.Empty(await repository.ListInterruptedAsync());
    }

    [Fact]
    public async Task Compact_ThenCapture_TakesThePlacesOfTheCopies()
    {
        MemoryObjectStore store = new();
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, SnapshotTestData.SmallChunks);
        Dictionary<string, byte[]> disks = await MakeSparseAsync(repository);
        await repository.CollectAsync(s_compact, null);
        byte[] content = [.. disks.Values.Last()];
        content[5] ^= 1;
        BlockMap changed = new([new DiskExtent(0, 512, DiskExtentKind.Data)]);
        foreach (CaptureOptions options in new CaptureOptions[]
        {
            new() { Image = "disk", Deduplication = ChunkDeduplication.Chain },
            new() { Image = "disk", Deduplication = ChunkDeduplication.Chain, ChangeMap = changed },
            new() { Image = "disk", Parent = SnapshotParent.None },
        })
        {
            CaptureResult result = await repository.CaptureAsync(new ModelDisk(content), options, null);
            disks.Add(result.Id, [.. content]);

            // A chunk that is there as a patch is known by its place in the parent, not by its content.
            Assert.True(result.NewChunks <= (options.Parent == SnapshotParent.None ? 4 : 1), $"{result.NewChunks} chunks were stored again.");
            content[5]++;
        }

        // What was moved lives on through the later snapshots, when those it was moved for are gone.
        foreach (string id in disks.Keys.SkipLast(2).ToArray())
        {
            await repository.DeleteAsync(id);
            disks.Remove(id);
        }

        await repository.CollectAsync(s_compact, null);
        await AssertReadableAsync(repository, store, disks, true);
        await repository.CollectAsync(s_compact, null);
        await AssertReadableAsync(repository, store, disks, true);
    }

    [Fact]
    public async Task Compact_WithAnOpenDisk_IsReadOnThroughMoves()
    {
        MemoryObjectStore store = new();
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, SnapshotTestData.SmallChunks);
        Dictionary<string, byte[]> disks = await MakeSparseAsync(repository);
        await using SnapshotRepository reader = await SnapshotRepository.OpenAsync(new UnownedStore(store));
        string id = disks.Keys.Last();
        await using SnapshotDisk whole = await reader.OpenDiskAsync(id, new SnapshotDiskOptions { CacheSize = 0 });
        await using SnapshotDisk parts = await reader.OpenDiskAsync(id, new SnapshotDiskOptions { CacheSize = 0, ReadAheadChunks = 0 });
        await repository.CollectAsync(s_compact, null);
        byte[] part = new byte[100];
        Assert.Equal(100, parts.Read(part, 70_000));
        Assert.True(part.AsSpan().SequenceEqual(disks[id].AsSpan(70_000, 100)));
        Assert.Equal(disks[id], await SnapshotTestData.ReadAllAsync(whole));
    }

    [Fact]
    public async Task Compact_CutOffAtEveryStep_LosesNothing()
    {
        MemoryObjectStore initial = new();
        Dictionary<string, byte[]> disks;
        await using (SnapshotRepository repository = await SnapshotRepository.CreateAsync(new UnownedStore(initial), SnapshotTestData.SmallChunks))
        {
            disks = await MakeSparseAsync(repository);
        }

        Dictionary<string, byte[]> start = await SnapshotTestData.DumpAsync(initial);
        long steps = long.MaxValue;
        for (long step = 1; step <= steps + 1; step++)
        {
            CrashingObjectStore crashing = new((int)step, step, false, start);
            SnapshotRepository first = await SnapshotRepository.OpenAsync(crashing);
            try
            {
                await first.CollectAsync(s_compact, null);
                steps = 0;
            }
            catch (SimulatedCrashException)
            {
            }

            MemoryObjectStore store = await SnapshotTestData.StoreOfAsync(crashing.Recover());
            await using SnapshotRepository next = await SnapshotRepository.OpenAsync(store);
            await AssertReadableAsync(next, store, disks, true);
            await next.CollectAsync(new CollectOptions { CompactBelow = 0.9, AbortSessionsIdleFor = TimeSpan.Zero }, null);
            await AssertReadableAsync(next, store, disks, true);
            CollectResult last = await next.CollectAsync(s_compact, null);
            Assert.True(last is { CandidatePacks: 0, CompactedPacks: 0 }, $"step {step}");
            await AssertReadableAsync(next, store, disks, true);
        }
    }

    [Fact]
    public async Task Compact_DamagedFrameOrTree_LeavesThemAloneAndSaysSo()
    {
        MemoryObjectStore initial = new();
        Dictionary<string, byte[]> disks;
        await using (SnapshotRepository repository = await SnapshotRepository.CreateAsync(new UnownedStore(initial), SnapshotTestData.SmallChunks))
        {
            disks = await MakeSparseAsync(repository);
        }

        Dictionary<string, byte[]> objects = await SnapshotTestData.DumpAsync(initial);
        foreach (string name in objects.Keys.Where(static name => name[0] is 'p' or 'm').ToArray())
        {
            Dictionary<string, byte[]> damaged = new(objects) { [name] = [.. objects[name]] };
            damaged[name][150] ^= 1;
            MemoryObjectStore store = await SnapshotTestData.StoreOfAsync(damaged);
            await using SnapshotRepository repository = await SnapshotRepository.OpenAsync(store);
            bool[] before = await TryReadAllAsync(repository, disks);
            await repository.CollectAsync(s_compact, null);
            Assert.Equal(before, await TryReadAllAsync(repository, disks));
        }
    }

    // Chunks of several snapshots in one pack, of which those that stay need a few.
    private static async Task<Dictionary<string, byte[]>> MakeSparseAsync(SnapshotRepository repository)
    {
        Dictionary<string, byte[]> disks = await CollectTests.CaptureHistoryAsync(repository, 5);
        byte[] half = [.. disks.Values.Last()];
        half.AsSpan(half.Length / 2).Clear();
        disks.Add((await repository.CaptureAsync(new ModelDisk(half), SnapshotTestData.Capture("disk"), null)).Id, half);
        foreach (string id in disks.Keys.Take(5).ToArray())
        {
            await repository.DeleteAsync(id);
            disks.Remove(id);
        }

        return disks;
    }

    private static async Task<bool[]> TryReadAllAsync(SnapshotRepository repository, Dictionary<string, byte[]> disks)
    {
        List<bool> read = [];
        foreach ((string id, byte[] content) in disks)
        {
            try
            {
                Assert.Equal(content, await SnapshotTestData.ReadAllAsync(repository, id));
                read.Add(true);
            }
            catch (RepositoryCorruptException)
            {
                read.Add(false);
            }
        }

        return [.. read];
    }

    private static async Task AssertReadableAsync(SnapshotRepository repository, ObjectStore store, Dictionary<string, byte[]> disks, bool readsByFormat)
    {
        if (readsByFormat)
        {
            await CollectTests.AssertReadableAsync(repository, store, disks);
        }

        foreach ((string id, byte[] content) in disks)
        {
            Assert.Equal(content, await SnapshotTestData.ReadAllAsync(repository, id));
        }

        Assert.Empty((await repository.VerifyAsync(VerifyOptions.Default, null)).Problems);
        await repository.GetStatisticsAsync();
    }
}
