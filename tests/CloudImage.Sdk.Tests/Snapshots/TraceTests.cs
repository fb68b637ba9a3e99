using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Collection;
using CloudImage.Sdk.Storage;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots;

public class TraceTests
{
    private const int Chunk = SnapshotTestData.ChunkSize;
    private const int Length = (Chunk * 40) + 100;

    [Fact]
    public async Task Trace_OfAReader_IsKept_AndFillsTheCacheOfTheNext()
    {
        byte[] content = Content();
        CountingObjectStore store = new(new MemoryObjectStore());
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, SnapshotTestData.SmallChunks);
        string id = (await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null)).Id;
        Assert.Null(await repository.FindTraceAsync(id));
        ReadTrace trace;
        await using (SnapshotDisk disk = await repository.OpenDiskAsync(id, new SnapshotDiskOptions { RecordTrace = true }))
        {
            await disk.ReadAsync(new byte[10], (Chunk * 30) + 5);
            await disk.ReadAsync(new byte[Chunk + 10], (Chunk * 5) - 5);
            await disk.ReadAsync(new byte[10], Chunk * 30);
            await disk.ReadAsync(new byte[10], Length - 10);
            trace = disk.GetTrace();
        }

        Assert.Equal([(Chunk * 30L, (long)Chunk), (Chunk * 4L, Chunk * 3L), (Chunk * 40L, 100L)], trace.Ranges.Select(static range => (range.Offset, range.Length)));
        await repository.SaveTraceAsync(id, trace);
        Assert.Equal(trace.Ranges, (await repository.FindTraceAsync(id))!.Ranges);

        await using SnapshotDisk next = await repository.OpenDiskAsync(id);
        Assert.Equal(5, await next.PrefetchAsync());
        long reads = store.GetStatistics().Reads;
        byte[] read = new byte[Chunk];
        foreach (int offset in new[] { Chunk * 30, Chunk * 4, Chunk * 5, Chunk * 6 })
        {
            await next.ReadAsync(read, offset);
            Assert.True(content.AsSpan(offset, Chunk).SequenceEqual(read));
        }

        Assert.Equal(reads, store.GetStatistics().Reads);
        Assert.Equal(content, await SnapshotTestData.ReadAllAsync(next));
        VerifyResult verified = await repository.VerifyAsync(VerifyOptions.Default, null);
        Assert.Empty(verified.Problems);
        Assert.Empty(verified.UnknownObjects);
    }

    [Fact]
    public async Task Trace_LargerThanTheCache_StopsWhereItIsFull_AndZerosAreLeftOut()
    {
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
        string id = (await repository.CaptureAsync(new ModelDisk(Content()), SnapshotTestData.Capture("disk"), null)).Id;
        await repository.SaveTraceAsync(id, new ReadTrace([new DiskExtent(Chunk * 10, Chunk * 20, DiskExtentKind.Data)]));
        Assert.Equal(Chunk * 12L, (await repository.FindTraceAsync(id))!.Ranges[0].Offset);
        await using SnapshotDisk disk = await repository.OpenDiskAsync(id, new SnapshotDiskOptions { CacheSize = Chunk * 3 });
        Assert.Equal(3, await disk.PrefetchAsync());
        await Assert.ThrowsAsync<ArgumentException>(() => repository.SaveTraceAsync(id, new ReadTrace([new DiskExtent(Length - 1, 2, DiskExtentKind.Data)])));
    }

    [Fact]
    public async Task Trace_Damaged_CostsNothingButTime()
    {
        byte[] content = Content();
        MemoryObjectStore store = new();
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new UnownedStore(store), SnapshotTestData.SmallChunks);
        string id = (await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null)).Id;
        await repository.SaveTraceAsync(id, new ReadTrace([new DiskExtent(Chunk * 30, Chunk, DiskExtentKind.Data)]));
        Dictionary<string, byte[]> objects = await SnapshotTestData.DumpAsync(store);
        string name = $"t/{id}-0000";
        objects[name] = [.. objects[name]];
        objects[name][^60] ^= 1;
        await using SnapshotRepository damaged = await SnapshotRepository.OpenAsync(await SnapshotTestData.StoreOfAsync(objects));
        await using SnapshotDisk disk = await damaged.OpenDiskAsync(id, new SnapshotDiskOptions { Prefetch = true });
        await Assert.ThrowsAsync<RepositoryCorruptException>(() => disk.PrefetchAsync());
        Assert.Equal(content, await SnapshotTestData.ReadAllAsync(disk));
    }

    [Fact]
    public async Task Traces_OfTheRetired_AndOlderOnes_AreCollected()
    {
        MemoryObjectStore store = new();
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, SnapshotTestData.SmallChunks);
        string id = (await repository.CaptureAsync(new ModelDisk(Content()), SnapshotTestData.Capture("disk"), null)).Id;
        ReadTrace trace = new([new DiskExtent(Chunk * 30, Chunk, DiskExtentKind.Data)]);
        await repository.SaveTraceAsync(id, trace);
        await repository.SaveTraceAsync(id, trace);
        Assert.Equal(2, await SnapshotTestData.CountAsync(store, "t/"));
        await repository.CollectAsync(new CollectOptions(), null);
        Assert.Equal(1, await SnapshotTestData.CountAsync(store, "t/"));
        Assert.NotNull(await repository.FindTraceAsync(id));
        await repository.DeleteAsync(id);
        await repository.CollectAsync(new CollectOptions(), null);
        Assert.Equal(0, await SnapshotTestData.CountAsync(store, "t/"));
        await Assert.ThrowsAsync<SnapshotNotFoundException>(() => repository.SaveTraceAsync(id, trace));
    }

    [Fact]
    public async Task Traces_AreListed_AndDropped_WithoutADeletion()
    {
        MemoryObjectStore store = new();
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, SnapshotTestData.SmallChunks);
        Assert.Empty(await repository.ListTracesAsync());
        string first = (await repository.CaptureAsync(new ModelDisk(Content()), SnapshotTestData.Capture("one"), null)).Id;
        string second = (await repository.CaptureAsync(new ModelDisk(Content()), SnapshotTestData.Capture("two"), null)).Id;
        Assert.False(await repository.DropTraceAsync(first));
        ReadTrace trace = new([new DiskExtent(Chunk * 30, Chunk * 3, DiskExtentKind.Data), new DiskExtent(0, 1, DiskExtentKind.Data)]);
        await repository.SaveTraceAsync(first, trace);
        await repository.SaveTraceAsync(second, trace);
        Assert.Equal([first, second], (await repository.ListTracesAsync()).Select(static kept => kept.Snapshot.Id).Order(StringComparer.Ordinal).OrderBy(id => id == second));
        Assert.All(await repository.ListTracesAsync(), static kept => Assert.InRange(kept.StoredBytes, Chunk * 4, Chunk * 5));

        Assert.True(await repository.DropTraceAsync(first));
        Assert.False(await repository.DropTraceAsync(first));
        Assert.Null(await repository.FindTraceAsync(first));
        Assert.Equal(second, Assert.Single(await repository.ListTracesAsync()).Snapshot.Id);
        Assert.Equal(3, await SnapshotTestData.CountAsync(store, "t/"));
        await repository.CollectAsync(new CollectOptions(), null);
        Assert.Equal(2, await SnapshotTestData.CountAsync(store, "t/"));
        Assert.Empty((await repository.VerifyAsync(VerifyOptions.Default, null)).UnknownObjects);

        // The number of a trace is not used again, and a new one takes the place of the word that there is none.
        await repository.SaveTraceAsync(first, trace);
        Assert.Equal(4, (await repository.FindTraceAsync(first))!.Ranges.Sum(static range => range.Length) / Chunk);
        await Assert.ThrowsAsync<SnapshotNotFoundException>(() => repository.DropTraceAsync(new string('0', 32)));
    }

    [Fact]
    public async Task SaveTrace_OfNeighbours_ReadsThemTogether()
    {
        CountingObjectStore store = new(new MemoryObjectStore());
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, SnapshotTestData.SmallChunks);
        string id = (await repository.CaptureAsync(new ModelDisk(Content()), SnapshotTestData.Capture("disk"), null)).Id;
        long before = store.GetStatistics().Reads;
        await repository.SaveTraceAsync(id, new ReadTrace([new DiskExtent(Chunk * 20, Chunk * 20, DiskExtentKind.Data), new DiskExtent(0, Chunk * 5, DiskExtentKind.Data)]));
        Assert.InRange(store.GetStatistics().Reads - before, 1, 8);
    }

    // Chunks 10 and 11 are zeros.
    private static byte[] Content()
    {
        byte[] content = new byte[Length];
        new Random(11).NextBytes(content);
        content.AsSpan(Chunk * 10, Chunk * 2).Clear();
        return content;
    }
}
