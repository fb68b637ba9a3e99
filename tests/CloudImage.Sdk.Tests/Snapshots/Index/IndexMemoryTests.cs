using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Index;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Storage;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots.Index;

/// <summary>What an index costs in memory: at most 5 MB for each TB of unique chunks of 256 KiB.</summary>
[Collection("alone")]
public sealed class IndexMemoryTests
{
    private const int ChunkSize = 256 * 1024;
    private const int ChunksPerPack = 300;

    // CLOUDIMAGE_INDEX_ENTRIES=40000000 is the long form; with CLOUDIMAGE_INDEX_FOLDER the repository stays, to be measured from outside.
    private static readonly int s_entries = int.Parse(Environment.GetEnvironmentVariable("CLOUDIMAGE_INDEX_ENTRIES") ?? "3000000", CultureInfo.InvariantCulture);

    [Fact]
    public async Task ExactMode_OfALargeRepository_StaysUnderFiveMegabytesATerabyte()
    {
        string? kept = Environment.GetEnvironmentVariable("CLOUDIMAGE_INDEX_FOLDER");
        string folder = kept ?? Directory.CreateTempSubdirectory("cloudimage-index-").FullName;
        try
        {
            DirectoryObjectStore store = new(folder, new DirectoryObjectStoreOptions { Durability = WriteDurability.None });
            await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, new SnapshotRepositoryOptions { ChunkSize = ChunkSize });
            await WriteSegmentAsync(store);

            // Off the stack of the writer, whose filter would count as there before.
            await Task.Yield();
            await MeasureAsync(repository);

            // A capture that asks for what is not there and finds what it stored itself.
            byte[] content = new byte[40 * ChunkSize];
            new Random(3).NextBytes(content.AsSpan(0, content.Length / 2));
            content.AsSpan(0, content.Length / 2).CopyTo(content.AsSpan(content.Length / 2));
            CaptureResult result = await repository.CaptureAsync(new MemoryDisk(content), SnapshotTestData.Capture("disk"), null);
            Assert.Equal(20, result.NewChunks);
            Assert.Equal(20, result.DuplicateChunks);
        }
        finally
        {
            if (kept is null)
            {
                Directory.Delete(folder, true);
            }
        }
    }

    [Fact]
    public void Filter_SaysPerhapsForFewKeysThatAreNotThere()
    {
        const int Keys = 200_000;
        KeyFilter filter = KeyFilter.For(Keys);
        Random random = new(6);
        List<ChunkKey> keys = [];
        for (int number = 0; number < Keys; number++)
        {
            keys.Add(new ChunkKey((ulong)random.NextInt64(), (ulong)random.NextInt64(long.MinValue, long.MaxValue)));
            filter.Add(keys[^1]);
        }

        Assert.All(keys, key => Assert.True(filter.MayContain(key)));
        int perhaps = 0;
        for (int number = 0; number < Keys; number++)
        {
            perhaps += filter.MayContain(new ChunkKey((ulong)random.NextInt64(), (ulong)random.NextInt64(long.MinValue, long.MaxValue))) ? 1 : 0;
        }

        TestContext.Current.SendDiagnosticMessage("{0:0.00} of a hundred keys that are not there are perhaps there.", 100.0 * perhaps / Keys);
        Assert.InRange(perhaps, 1, Keys / 25);
    }

    private static async Task MeasureAsync(SnapshotRepository repository)
    {
        double terabytes = (double)s_entries * ChunkSize / 1e12;
        ChunkIndex? index = null;
        long before;
        long resident;
        double each;
        int attempt = 0;
        do
        {
            // What tests before this one left in pools may go while it runs, and then the index seems to take less than nothing: measured again,
            // without the index of the time before.
            index = null;
            before = LiveBytes();
            index = new ChunkIndex(repository.Context, static _ => false);
            await index.LoadAsync(default);
            Assert.Empty(index.Problems);
            resident = LiveBytes() - before;
            each = resident / 1e6 / terabytes;
        }
        while (each < 0.1 && ++attempt < 5);

        TestContext.Current.SendDiagnosticMessage("{0:N0} entries, {1:0.00} TB of chunks: {2:N0} bytes, {3:0.00} MB a TB.", s_entries, terabytes, resident, each);
        Assert.InRange(each, 0.1, 5);

        // Looking up adds what the cache of pages may hold, and nothing beyond it.
        Random random = new(4);
        for (int round = 0; round < 30_000; round++)
        {
            ContentDigest id = IdOf(round % 2 == 0 ? KeyOf(random.Next(s_entries)) : new ChunkKey((ulong)random.NextInt64(), (ulong)random.NextInt64()));
            Assert.True((await index.FindAsync(id, IoMode.Synchronous, default)).IsDefault);
        }

        long after = LiveBytes() - before;
        TestContext.Current.SendDiagnosticMessage("After 30,000 lookups: {0:N0} bytes more.", after - resident);
        Assert.InRange(after - resident, long.MinValue, 10 << 20);
        await AssertFindsAsync(repository);
        GC.KeepAlive(index);
    }

    private static long LiveBytes()
    {
        for (int round = 0; round < 2; round++)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, true, true);
            GC.WaitForPendingFinalizers();
        }

        return GC.GetTotalMemory(false);
    }

    private static async Task AssertFindsAsync(SnapshotRepository repository)
    {
        FlightCache<(string Name, long Block), byte[]> pages = new(100, static _ => 1);
        SegmentReader segment = Assert.Single(await SegmentCatalog.OpenAsync(repository.Context, pages, [], default));
        Random random = new(5);
        for (int round = 0; round < 1000; round++)
        {
            int number = random.Next(s_entries);
            Assert.Equal(new IndexEntry(KeyOf(number), number / ChunksPerPack, number % ChunksPerPack), await segment.FindAsync(KeyOf(number), IoMode.Synchronous, default));
        }
    }

    private static async Task WriteSegmentAsync(ObjectStore store)
    {
        SessionId session = SessionId.NewRandom();
        List<PackId> packs = new((s_entries / ChunksPerPack) + 1);
        for (int number = 0; number <= (s_entries - 1) / ChunksPerPack; number++)
        {
            packs.Add(new PackId(PackKind.Data, session, 0, number));
        }

        SegmentWriter writer = await SegmentWriter.BeginAsync(store, CloudImage.Sdk.Snapshots.ObjectNames.MergedSegment(3, session, 0), packs, [], s_entries, default);
        await using (writer)
        {
            for (int number = 0; number < s_entries; number++)
            {
                await writer.AddAsync(new IndexEntry(KeyOf(number), number / ChunksPerPack, number % ChunksPerPack), default);
            }

            Assert.True(await writer.CompleteAsync(default));
        }
    }

    // Evenly spread, as digests are, and in order.
    private static ChunkKey KeyOf(int number)
    {
        ulong step = ulong.MaxValue / (ulong)s_entries;
        ulong mixed = ((ulong)number + 1) * 0x9e3779b97f4a7c15;
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
        mixed ^= mixed >> 27;
        return new ChunkKey(((ulong)number * step) + (mixed % step), mixed * 0x94d049bb133111eb);
    }

    private static ContentDigest IdOf(ChunkKey key)
    {
        byte[] id = new byte[ContentDigest.SizeInBytes];
        BinaryPrimitives.WriteUInt64BigEndian(id, key.High);
        BinaryPrimitives.WriteUInt64BigEndian(id.AsSpan(8), key.Low);
        return new ContentDigest(id);
    }
}
