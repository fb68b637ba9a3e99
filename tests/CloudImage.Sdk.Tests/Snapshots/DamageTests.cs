using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots;

/// <summary>Whatever is done to stored objects, verification finds it and no read returns a wrong byte.</summary>
public class DamageTests
{
    private static readonly Lazy<Task<(Dictionary<string, byte[]> Objects, Dictionary<string, byte[]> Disks)>> s_repository = new(MakeAsync);

    [Fact]
    public async Task Verify_FlippedBitInAnyByteOfAnyObject_FindsIt()
    {
        (Dictionary<string, byte[]> objects, _) = await s_repository.Value;
        Random random = new(31);
        foreach ((string name, byte[] content) in objects)
        {
            // Every byte in the long form; CI takes every byte of the small objects and one in so many of the others.
            int stride = Environment.GetEnvironmentVariable("CLOUDIMAGE_EVERY_BYTE") == "1" ? 1 : Math.Max(1, content.Length / 40);
            for (int position = random.Next(stride); position < content.Length; position += stride)
            {
                await AssertFoundAsync(objects, name, content, position, random.Next(8));
            }
        }
    }

    [Fact]
    public async Task Read_FlippedBitAnywhere_GivesTheRightBytesOrAnError()
    {
        (Dictionary<string, byte[]> objects, Dictionary<string, byte[]> disks) = await s_repository.Value;
        Random random = new(32);
        int errors = 0;
        foreach ((string name, byte[] content) in objects)
        {
            for (int round = 0; round < 15; round++)
            {
                byte[] damaged = [.. content];
                damaged[random.Next(content.Length)] ^= (byte)(1 << random.Next(8));
                errors += await ReadAllAsync(new Dictionary<string, byte[]>(objects) { [name] = damaged }, disks) ? 0 : 1;
            }
        }

        Assert.True(errors > 20, $"Only {errors} reads met the damage.");
    }

    [Fact]
    public async Task ReadAndVerify_TruncatedMissingOrSwappedObjects_FindIt()
    {
        (Dictionary<string, byte[]> objects, Dictionary<string, byte[]> disks) = await s_repository.Value;
        Random random = new(33);
        string[] names = [.. objects.Keys.Where(static name => !name.StartsWith("i/", StringComparison.Ordinal))];
        foreach (string name in names)
        {
            Dictionary<string, byte[]> truncated = new(objects) { [name] = objects[name][..random.Next(objects[name].Length)] };
            await ReadAllAsync(truncated, disks);
            await AssertFoundAsync(truncated, name);

            Dictionary<string, byte[]> lengthened = new(objects) { [name] = [.. objects[name], 0] };
            await ReadAllAsync(lengthened, disks);
            await AssertFoundAsync(lengthened, name);

            string[] others = [.. names.Where(other => other != name && other[0] == name[0] && !objects[other].AsSpan().SequenceEqual(objects[name]))];
            if (others.Length > 0)
            {
                string other = others[random.Next(others.Length)];
                Dictionary<string, byte[]> swapped = new(objects) { [name] = objects[other], [other] = objects[name] };
                await ReadAllAsync(swapped, disks);
                await AssertFoundAsync(swapped, name);
            }
        }

        // A fate that is gone is a snapshot that is gone with it: only a client that knows the head can tell. What else is referred to is missed.
        foreach (string name in names.Where(static name => name[0] is 'p' or 'm'))
        {
            Dictionary<string, byte[]> missing = new(objects);
            missing.Remove(name);
            Assert.False(await ReadAllAsync(missing, disks));
            await AssertFoundAsync(missing, name);
        }
    }

    [Fact]
    public async Task Capture_DamagedIndex_StoresAgainAndWarns()
    {
        (Dictionary<string, byte[]> objects, Dictionary<string, byte[]> disks) = await s_repository.Value;
        Dictionary<string, byte[]> damaged = new(objects);
        foreach (string name in objects.Keys.Where(static name => name.StartsWith("i/", StringComparison.Ordinal)))
        {
            damaged[name] = [.. objects[name]];
            damaged[name][^1] ^= 1;
        }

        byte[] content = disks.Values.First();
        await using SnapshotRepository repository = await SnapshotRepository.OpenAsync(await SnapshotTestData.StoreOfAsync(damaged));
        CaptureResult result = await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("other"), null);
        Assert.NotEmpty(result.Warnings);
        Assert.Equal(content, await SnapshotTestData.ReadAllAsync(repository, result.Id));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(23)]
    public async Task CaptureAndRead_StoreFailsEveryNthCall_ErrorOrRightBytes(int every)
    {
        byte[] content = SnapshotTestData.Mixed(1_500_000, 34);
        MemoryObjectStore inner = new();
        await using SnapshotRepository good = await SnapshotRepository.CreateAsync(inner, SnapshotTestData.SmallChunks);
        int committed = 0;
        for (int round = 0; round < 12; round++)
        {
            FaultyObjectStore faulty = new(new UnownedStore(inner), round, new StoreFaults { FailEvery = every + (round % 3) });
            try
            {
                await using SnapshotRepository repository = await SnapshotRepository.OpenAsync(faulty);
                CaptureResult result = await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null);
                committed++;
                Assert.Equal(content, await SnapshotTestData.ReadAllAsync(repository, result.Id));
            }
            catch (CloudImageException)
            {
                // A clear error is what is asked for; nothing committed may be lost by it.
            }
        }

        foreach (SnapshotInfo snapshot in await good.ListAsync())
        {
            Assert.Equal(content, await SnapshotTestData.ReadAllAsync(good, snapshot.Id));
        }

        Assert.True((await good.ListAsync()).Count >= committed);
        Assert.Empty((await good.VerifyAsync(VerifyOptions.Default, null)).Problems);
    }

    private static async Task<(Dictionary<string, byte[]> Objects, Dictionary<string, byte[]> Disks)> MakeAsync()
    {
        MemoryObjectStore store = new();
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, SnapshotTestData.SmallChunks);
        Dictionary<string, byte[]> disks = [];
        byte[] content = new byte[400_000];
        Random random = new(30);
        for (int offset = 0; offset < content.Length; offset += 65536)
        {
            random.NextBytes(content.AsSpan(offset, 1000));
        }

        for (int round = 0; round < 3; round++)
        {
            CaptureResult result = await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null);
            disks.Add(result.Id, content);
            content = [.. content];
            content.AsSpan(100_000 * round, 70_000).Reverse();
        }

        Assert.Empty((await repository.VerifyAsync(VerifyOptions.Default, null)).Problems);
        return (await SnapshotTestData.DumpAsync(store), disks);
    }

    private static async Task AssertFoundAsync(Dictionary<string, byte[]> objects, string name, byte[] content, int position, int bit)
    {
        byte[] damaged = [.. content];
        damaged[position] ^= (byte)(1 << bit);
        Dictionary<string, byte[]> all = new(objects) { [name] = damaged };
        Assert.True(await IsFoundAsync(all), $"Bit {bit} of byte {position} of '{name}' was flipped and not found.");
    }

    private static async Task AssertFoundAsync(Dictionary<string, byte[]> objects, string name) =>
        Assert.True(await IsFoundAsync(objects), $"The damage of '{name}' was not found.");

    private static async Task<bool> IsFoundAsync(Dictionary<string, byte[]> objects)
    {
        try
        {
            await using SnapshotRepository repository = await SnapshotRepository.OpenAsync(new FrozenStore(objects));
            return !(await repository.VerifyAsync(new VerifyOptions { Concurrency = 1 }, null)).IsHealthy;
        }
        catch (SnapshotRepositoryException)
        {
            return true;
        }
    }

    // True where all was read; a wrong byte fails the test.
    private static async Task<bool> ReadAllAsync(Dictionary<string, byte[]> objects, Dictionary<string, byte[]> disks)
    {
        bool isWhole = true;
        foreach ((string id, byte[] disk) in disks)
        {
            try
            {
                await using SnapshotRepository repository = await SnapshotRepository.OpenAsync(new FrozenStore(objects));
                Assert.Equal(disk, await SnapshotTestData.ReadAllAsync(repository, id));
            }
            catch (SnapshotRepositoryException)
            {
                isWhole = false;
            }
        }

        return isWhole;
    }
}
