using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Compression;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Collection;
using CloudImage.Sdk.Snapshots.Encryption;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Replication;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Snapshots.Encryption;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots;

public class PatchFrameTests
{
    private const int Length = (SnapshotTestData.ChunkSize * 300) + 5000;

    [Fact]
    public void Patch_OverItsBase_IsTheChunk_AndHostileOnesAreRefused()
    {
        Random random = new(1);
        byte[] basis = new byte[65536];
        random.NextBytes(basis);
        byte[] patch = new byte[ChunkPatch.MaxLength(basis.Length)];
        for (int round = 0; round < 200; round++)
        {
            byte[] chunk = [.. basis];
            int changes = random.Next(1, 60);
            for (int change = 0; change < changes; change++)
            {
                chunk[random.Next(chunk.Length)] ^= 1;
            }

            int length = ChunkPatch.Create(chunk, basis, patch);
            int blocks = Enumerable.Range(0, 64).Count(block => !chunk.AsSpan(block * 1024, 1024).SequenceEqual(basis.AsSpan(block * 1024, 1024)));
            Assert.Equal(blocks is > 32 or 0 ? 0 : 8 + (1024 * blocks), length);
            if (length > 0)
            {
                byte[] applied = [.. basis];
                Assert.True(ChunkPatch.TryApply(patch.AsSpan(0, length), applied));
                Assert.Equal(chunk, applied);
                Assert.False(ChunkPatch.TryApply(patch.AsSpan(0, length - 1), applied));
            }
        }

        Assert.Equal(0, ChunkPatch.Create(basis, basis, patch));
        Assert.False(ChunkPatch.TryApply([], basis));
        Assert.False(ChunkPatch.TryApply(new byte[9], basis));
        byte[] untouched = [.. basis];
        Assert.True(ChunkPatch.TryApply(new byte[8], untouched));
        Assert.Equal(basis, untouched);
    }

    [Theory]
    [InlineData(false, "none")]
    [InlineData(true, "lz4")]
    public async Task ScatteredWrites_CostLittleMoreThanThemselves_AndEveryVersionReads(bool isSealed, string codecName)
    {
        using KeyProvider key = KeyProviderTests.Make("key-file", 1);
        ChunkCodec codec = codecName == "lz4" ? ChunkCodec.Lz4 : ChunkCodec.Stored;
        MemoryObjectStore store = new();
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, new SnapshotRepositoryOptions
        {
            ChunkSize = SnapshotTestData.ChunkSize,
            Encryption = isSealed ? RepositoryEncryption.Aes256Gcm : RepositoryEncryption.None,
            Keys = isSealed ? [key] : [],
        });
        Dictionary<string, byte[]> disks = await FillAsync(repository, codec, 4, out long[] stored);
        Assert.All(stored.Skip(1), static bytes => Assert.InRange(bytes, 1, 160_000));
        foreach ((string id, byte[] disk) in disks)
        {
            Assert.Equal(disk, await SnapshotTestData.ReadAllAsync(repository, id));
            await using SnapshotDisk small = await repository.OpenDiskAsync(id);
            byte[] read = new byte[100];
            for (int offset = 0; offset < Length - 100; offset += 77_777)
            {
                await small.ReadAsync(read, offset);
                Assert.True(disk.AsSpan(offset, 100).SequenceEqual(read));
            }
        }

        VerifyResult verified = await repository.VerifyAsync(VerifyOptions.Default, null);
        Assert.Empty(verified.Problems);
        CaptureResult again = await repository.CaptureAsync(new ModelDisk(disks.Values.Last()), new CaptureOptions { Image = "disk", PatchFrames = true }, null);
        Assert.Equal(0, again.NewChunks);
        RepositoryStatistics statistics = await repository.GetStatisticsAsync();
        Assert.True(statistics.ReferencedBytes <= statistics.StoredBytes);
    }

    [Fact]
    public async Task Bases_OutliveTheirSnapshots_ThroughCollectionAndCompaction()
    {
        MemoryObjectStore store = new();
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new UnownedStore(store), SnapshotTestData.SmallChunks);
        Dictionary<string, byte[]> disks = await FillAsync(repository, ChunkCodec.Lz4, 4, out _);
        string[] ids = [.. disks.Keys];
        foreach (string id in ids[..3])
        {
            await repository.DeleteAsync(id);
            await repository.CollectAsync(new CollectOptions { CompactBelow = 1 }, null);
        }

        await using SnapshotRepository fresh = await SnapshotRepository.OpenAsync(store);
        Assert.Equal(disks[ids[3]], await SnapshotTestData.ReadAllAsync(fresh, ids[3]));
        Assert.Empty((await fresh.VerifyAsync(VerifyOptions.Default, null)).Problems);

        // What was moved can be built upon.
        byte[] changed = [.. disks[ids[3]]];
        changed[400_000] ^= 1;
        CaptureResult next = await fresh.CaptureAsync(new ModelDisk(changed), new CaptureOptions { Image = "disk", PatchFrames = true }, null);
        Assert.Equal(1, next.NewChunks);
        await fresh.DeleteAsync(ids[3]);
        await fresh.CollectAsync(new CollectOptions { CompactBelow = 1 }, null);
        await using SnapshotRepository last = await SnapshotRepository.OpenAsync(new UnownedStore(store));
        Assert.Equal(changed, await SnapshotTestData.ReadAllAsync(last, next.Id));
    }

    [Fact]
    public async Task Copies_ProofsAndTraces_OfPatchedChunks_AreWhole()
    {
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
        await using SnapshotRepository copy = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
        Dictionary<string, byte[]> disks = await FillAsync(repository, ChunkCodec.Lz4, 3, out _);
        ReplicationResult result = await repository.CopyToAsync([copy], ReplicationOptions.Default, null);
        foreach (ReplicatedSnapshot copied in result.Destinations[0].Copied)
        {
            Assert.Equal(copied.Source.Root, copied.Copy.Root);
            Assert.Equal(disks[copied.Source.Id], await SnapshotTestData.ReadAllAsync(copy, copied.Copy.Id));
        }

        (string id, byte[] disk) = disks.Last();
        Assert.True((await repository.ProveAsync(id, 0, 200_000)).TryVerify((await repository.GetAsync(id)).Root, out byte[] proven));
        Assert.True(disk.AsSpan(0, 200_000).SequenceEqual(proven));
        await repository.SaveTraceAsync(id, new ReadTrace([new CloudImage.Sdk.Disks.DiskExtent(0, 300_000, CloudImage.Sdk.Disks.DiskExtentKind.Data)]));
        await using SnapshotDisk traced = await repository.OpenDiskAsync(id);
        Assert.Equal(5, await traced.PrefetchAsync());
        Assert.Equal(disk, await SnapshotTestData.ReadAllAsync(traced));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Copies_OfPatches_ArePatches_AndTakeABaseThatIsMissing(bool isSealed)
    {
        using KeyProvider key = KeyProviderTests.Make("key-file", 1);
        SnapshotRepositoryOptions options = new()
        {
            ChunkSize = SnapshotTestData.ChunkSize,
            Encryption = isSealed ? RepositoryEncryption.Aes256Gcm : RepositoryEncryption.None,
            Keys = isSealed ? [key] : [],
        };
        CountingObjectStore store = new(new MemoryObjectStore());
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, SnapshotTestData.SmallChunks);
        await using SnapshotRepository whole = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), options);
        await using SnapshotRepository last = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), options);
        Dictionary<string, byte[]> disks = await FillAsync(repository, ChunkCodec.Lz4, 4, out long[] stored);
        ReplicationResult result = await repository.CopyToAsync([whole], ReplicationOptions.Default, null);
        Assert.Equal(4, result.Destinations[0].Copied.Count);

        // As many bytes as the captures stored; a sealed frame is a little longer.
        Assert.InRange(result.Destinations[0].FrameBytes, 1, (long)(stored.Sum() * 1.02));

        // One that lacks the snapshots before gets base and patch, and of the next ones patches alone.
        string[] ids = [.. disks.Keys];
        ReplicationResult third = await repository.CopyToAsync([last, whole], new ReplicationOptions { SnapshotIds = [ids[2]] }, null);
        Assert.Single(third.Destinations[0].Copied);
        Assert.Empty(third.Destinations[1].Copied);
        ReplicationResult fourth = await repository.CopyToAsync([last], new ReplicationOptions { SnapshotIds = [ids[3]] }, null);
        Assert.InRange(fourth.Destinations[0].FrameBytes, 1, 160_000);
        foreach (SnapshotRepository copy in new[] { whole, last })
        {
            foreach (SnapshotInfo snapshot in await copy.ListAsync())
            {
                Assert.Equal(disks[snapshot.Origin!.SnapshotId], await SnapshotTestData.ReadAllAsync(copy, snapshot.Id));
            }

            Assert.Empty((await copy.VerifyAsync(VerifyOptions.Default, null)).Problems);
        }

        // The copy is gone on from as the original is: with patches over what it took.
        byte[] changed = [.. disks[ids[3]]];
        changed[400_000] ^= 1;
        CaptureResult next = await last.CaptureAsync(new ModelDisk(changed), new CaptureOptions { Image = "disk", PatchFrames = true }, null);
        Assert.Equal(1, next.NewChunks);
        Assert.InRange(next.StoredBytes, 1, 60_000);
        Assert.Equal(changed, await SnapshotTestData.ReadAllAsync(last, next.Id));
    }

    [Fact]
    public async Task Copies_OfCompactedPatches_Read()
    {
        MemoryObjectStore store = new();
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new UnownedStore(store), SnapshotTestData.SmallChunks);
        Dictionary<string, byte[]> disks = await FillAsync(repository, ChunkCodec.Lz4, 4, out _);
        await repository.DeleteAsync(disks.Keys.First());
        await repository.DeleteAsync(disks.Keys.ElementAt(1));
        await repository.CollectAsync(new CollectOptions { CompactBelow = 1 }, null);
        await using SnapshotRepository fresh = await SnapshotRepository.OpenAsync(new UnownedStore(store));
        await using SnapshotRepository copy = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
        await fresh.CopyToAsync([copy], ReplicationOptions.Default, null);
        foreach (SnapshotInfo snapshot in await copy.ListAsync())
        {
            Assert.Equal(disks[snapshot.Origin!.SnapshotId], await SnapshotTestData.ReadAllAsync(copy, snapshot.Id));
        }

        Assert.Equal(2, (await copy.ListAsync()).Count);
        Assert.Empty((await copy.VerifyAsync(VerifyOptions.Default, null)).Problems);
    }

    [Fact]
    public async Task DamagedBaseOrPatch_IsFound_AndNothingWrongIsRead()
    {
        MemoryObjectStore store = new();
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new UnownedStore(store), SnapshotTestData.SmallChunks);
        Dictionary<string, byte[]> disks = await FillAsync(repository, ChunkCodec.Stored, 2, out _);
        string id = disks.Keys.Last();
        Dictionary<string, byte[]> objects = await SnapshotTestData.DumpAsync(store);
        foreach (string pack in objects.Keys.Where(static name => name.StartsWith("p/", StringComparison.Ordinal)).ToArray())
        {
            for (int round = 0; round < 6; round++)
            {
                Dictionary<string, byte[]> damaged = new(objects) { [pack] = [.. objects[pack]] };
                damaged[pack][32 + (new Random(round).Next(damaged[pack].Length - 32))] ^= 1;
                await using SnapshotRepository opened = await SnapshotRepository.OpenAsync(new FrozenStore(damaged));
                Assert.NotEmpty((await opened.VerifyAsync(VerifyOptions.Default, null)).Problems);
                try
                {
                    Assert.Equal(disks[id], await SnapshotTestData.ReadAllAsync(opened, id));
                }
                catch (RepositoryCorruptException exception)
                {
                    Assert.NotEmpty(exception.Message);
                }
            }
        }
    }

    [Theory]
    [InlineData(ChunkDeduplication.Chain, true)]
    [InlineData(ChunkDeduplication.Exact, true)]
    [InlineData(ChunkDeduplication.Chain, false)]
    public async Task ChunkThatGoesBackToItsBase_IsTheBase_AndReads(ChunkDeduplication deduplication, bool usesPatches)
    {
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
        byte[] before = SnapshotTestData.Mixed(SnapshotTestData.ChunkSize * 5, 31);
        byte[] after = [.. before];
        after[70_000] ^= 1;
        CaptureOptions options = new() { Image = "disk", Deduplication = deduplication, PatchFrames = true };
        await repository.CaptureAsync(new ModelDisk(before), options, null);
        CaptureResult patched = await repository.CaptureAsync(new ModelDisk(after), options, null);
        Assert.Equal(1, patched.NewChunks);
        CaptureResult back = await repository.CaptureAsync(new ModelDisk(before), new CaptureOptions { Image = "disk", Deduplication = deduplication, PatchFrames = usesPatches }, null);
        Assert.Equal(0, back.NewChunks);
        Assert.Equal(before, await SnapshotTestData.ReadAllAsync(repository, back.Id));
        Assert.Equal(after, await SnapshotTestData.ReadAllAsync(repository, patched.Id));
    }

    [Fact]
    public async Task DisksOfOneImage_ThatChangeAlike_ShareTheirPatches()
    {
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
        byte[] content = new byte[SnapshotTestData.ChunkSize * 20];
        new Random(33).NextBytes(content);
        foreach (string image in new[] { "one", "two" })
        {
            await repository.CaptureAsync(new ModelDisk(content), new CaptureOptions { Image = image, PatchFrames = true }, null);
        }

        content = [.. content];
        for (int chunk = 0; chunk < 20; chunk++)
        {
            content[(chunk * SnapshotTestData.ChunkSize) + 500] ^= 1;
        }

        CaptureResult first = await repository.CaptureAsync(new ModelDisk(content), new CaptureOptions { Image = "one", PatchFrames = true }, null);
        CaptureResult second = await repository.CaptureAsync(new ModelDisk(content), new CaptureOptions { Image = "two", PatchFrames = true }, null);
        Assert.Equal((20, 0), (first.NewChunks, second.NewChunks));
        Assert.Equal(20, second.DuplicateChunks);
        Assert.Equal(content, await SnapshotTestData.ReadAllAsync(repository, second.Id));
        Assert.Empty((await repository.VerifyAsync(VerifyOptions.Default, null)).Problems);
    }

    [Fact]
    public async Task PatchesOfADistantStore_AreMadeAndRead_WithFewRequests()
    {
        await using ReadLogStore store = new(new MemoryObjectStore(), isLocal: false);
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new UnownedStore(store), SnapshotTestData.SmallChunks);
        byte[] content = new byte[SnapshotTestData.ChunkSize * 256];
        new Random(34).NextBytes(content);
        await repository.CaptureAsync(new ModelDisk(content), new CaptureOptions { Image = "disk", PatchFrames = true }, null);
        content = [.. content];
        for (int chunk = 0; chunk < 256; chunk++)
        {
            content[(chunk * SnapshotTestData.ChunkSize) + 500] ^= 1;
        }

        store.Clear();
        CaptureResult result = await repository.CaptureAsync(new ModelDisk(content), new CaptureOptions { Image = "disk", PatchFrames = true, Concurrency = 1 }, null);
        Assert.Equal(256, result.NewChunks);
        Assert.InRange(store.CountReads("p/"), 1, 12);

        // The bases lie beside each other, and the patches do.
        await using SnapshotDisk disk = await repository.OpenDiskAsync(result.Id);
        store.Clear();
        Assert.Equal(content, await SnapshotTestData.ReadAllAsync(disk));
        Assert.InRange(store.CountReads("p/"), 1, 12);
    }

    // Twenty writes of 4 KiB between two versions; the first chunks are written to in every round, so that patches follow patches.
    private static Task<Dictionary<string, byte[]>> FillAsync(SnapshotRepository repository, ChunkCodec codec, int count, out long[] stored)
    {
        long[] bytes = stored = new long[count];
        return FillAsync();

        async Task<Dictionary<string, byte[]>> FillAsync()
        {
            Dictionary<string, byte[]> disks = [];
            Random random = new(9);
            byte[] content = new byte[Length];
            random.NextBytes(content);
            for (int version = 0; version < count; version++)
            {
                content = [.. content];
                for (int write = 0; version > 0 && write < 20; write++)
                {
                    int chunk = write < 5 ? write : random.Next(300);
                    random.NextBytes(content.AsSpan((chunk * SnapshotTestData.ChunkSize) + (random.Next(15) * 4096), 4096));
                }

                CaptureResult result = await repository.CaptureAsync(new ModelDisk(content), new CaptureOptions { Image = "disk", Codec = codec, PatchFrames = true }, null);
                bytes[version] = result.StoredBytes;
                disks.Add(result.Id, content);
            }

            return disks;
        }
    }
}
