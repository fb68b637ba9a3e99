using System;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Storage;

public sealed class CachingObjectStoreTests
{
    [Fact]
    public async Task Read_OfWhatIsCached_AsksTheStoreOnce()
    {
        var counting = new CountingObjectStore(new MemoryObjectStore());
        await using var store = new CachingObjectStore(counting, new MemoryObjectStore(), new CachingObjectStoreOptions());
        byte[] content = await CreateAsync(store, "m/1", 50_001);
        await Task.WhenAll(Enumerable.Range(0, 200).Select(index => AssertRangeAsync(store, "m/1", content, index * 260, 300 + (index * 40))));
        Assert.Equal(1, counting.GetStatistics().Reads);
        Assert.Equal(200, store.Hits);

        await CreateAsync(store, "p/1", 1000);
        await store.ReadAsync("p/1", new byte[10], 0);
        await store.ReadAsync("p/1", new byte[10], 0);
        Assert.Equal(3, counting.GetStatistics().Reads);
    }

    [Fact]
    public async Task Read_BeyondTheBudget_EvictsTheLeastUsedAndStaysRight()
    {
        var cache = new CountingObjectStore(new MemoryObjectStore());
        var options = new CachingObjectStoreOptions { MaximumObjectLength = 10_000, MaximumTotalLength = 25_000 };
        await using var store = new CachingObjectStore(new MemoryObjectStore(), cache, options);
        byte[][] contents = new byte[6][];
        for (int index = 0; index < contents.Length; index++)
        {
            contents[index] = await CreateAsync(store, $"m/{index}", 9000 + index);
        }

        for (int round = 0; round < 30; round++)
        {
            await AssertRangeAsync(store, $"m/{round % 6}", contents[round % 6], round * 100, 5000);
        }

        Assert.True(cache.GetStatistics().Deletes > 10);
        byte[] large = await CreateAsync(store, "m/large", 10_001);
        await AssertRangeAsync(store, "m/large", large, 0, 10_001);
    }

    [Fact]
    public async Task Read_OfADamagedCache_ReturnsTheContentOfTheStore()
    {
        var faulty = new FaultyObjectStore(new MemoryObjectStore(), 7, new StoreFaults { FlipEvery = 3, TruncateEvery = 7 });
        await using var store = new CachingObjectStore(new MemoryObjectStore(), faulty, new CachingObjectStoreOptions { ChecksumSeed = 99 });
        byte[] content = await CreateAsync(store, "i/1", 40_000);
        for (int round = 0; round < 300; round++)
        {
            await AssertRangeAsync(store, "i/1", content, round * 133, 4096 + round);
        }

        Assert.True(faulty.FaultCount > 50);
    }

    [Fact]
    public async Task Read_OfAMissingObject_IsNotFoundForAllWhoWait()
    {
        await using var store = new CachingObjectStore(new MemoryObjectStore(), new MemoryObjectStore(), new CachingObjectStoreOptions());
        await Task.WhenAll(Enumerable.Range(0, 20).Select(async index =>
            await Assert.ThrowsAsync<ObjectNotFoundException>(async () => await store.ReadAsync("m/none", new byte[1], 0))));
        await CreateAsync(store, "m/none", 10);
        Assert.Equal(10, await store.ReadAsync("m/none", new byte[100], 0));
    }

    private static async Task<byte[]> CreateAsync(ObjectStore store, string name, int length)
    {
        byte[] content = new byte[length];
        new Random(length).NextBytes(content);
        Assert.True(await store.TryCreateAsync(name, content, ObjectCreateOptions.Default));
        return content;
    }

    private static async Task AssertRangeAsync(ObjectStore store, string name, byte[] content, int offset, int length)
    {
        byte[] buffer = new byte[length];
        int count = await store.ReadAsync(name, buffer, offset);
        Assert.Equal(Math.Clamp(content.Length - offset, 0, length), count);
        Assert.True(content.AsSpan(Math.Min(offset, content.Length), count).SequenceEqual(buffer.AsSpan(0, count)));
    }
}
