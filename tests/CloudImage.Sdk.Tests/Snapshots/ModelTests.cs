using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Compression;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Storage;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots;

/// <summary>Seeded runs of captures, change maps, resizes, deletions and reads against plain byte arrays.</summary>
public class ModelTests
{
    // CLOUDIMAGE_MODEL_SEEDS=N runs N seeds.
    private static readonly int s_seeds = int.Parse(Environment.GetEnvironmentVariable("CLOUDIMAGE_MODEL_SEEDS") ?? "4", CultureInfo.InvariantCulture);

    [Fact]
    public async Task Repository_AnyHistory_ReadsAsTheModel()
    {
        for (int seed = 1; seed <= s_seeds; seed++)
        {
            await RunAsync(seed);
        }
    }

    private static async Task RunAsync(int seed)
    {
        Random random = new(seed);
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
        Dictionary<string, byte[]> model = [];
        byte[] disk = SnapshotTestData.Mixed(random.Next(1, 1_500_000), seed);
        string? latest = null;
        for (int step = 0; step < 8; step++)
        {
            string what = $"seed {seed}, step {step}";
            (byte[] next, BlockMap changes) = Change(random, disk);
            disk = next;
            CaptureResult result = await repository.CaptureAsync(
                new ModelDisk(disk) { IsRemote = random.Next(2) == 0 },
                new CaptureOptions
                {
                    Image = "disk",
                    ChangeMap = latest is not null && random.Next(2) == 0 ? changes : null,
                    Codec = random.Next(2) == 0 ? ChunkCodec.Lz4 : ChunkCodec.Zstd,
                    Deduplication = random.Next(2) == 0 ? ChunkDeduplication.Exact : ChunkDeduplication.Chain,
                    Concurrency = random.Next(1, 5),
                },
                null);
            latest = result.Id;
            model.Add(result.Id, disk);
            if (model.Count > 3 && random.Next(3) == 0)
            {
                string gone = model.Keys.First();
                model.Remove(gone);
                await repository.DeleteAsync(gone);
            }

            await AssertReadsAsync(repository, model, random, what);
        }

        VerifyResult verified = await repository.VerifyAsync(VerifyOptions.Default, null);
        Assert.True(verified.IsHealthy, $"seed {seed}: {string.Join("; ", verified.Problems)}");
    }

    private static (byte[] Disk, BlockMap Changes) Change(Random random, byte[] disk)
    {
        byte[] next = [.. disk];
        List<DiskExtent> changes = [];
        for (int count = random.Next(4); count > 0; count--)
        {
            int offset = random.Next(next.Length);
            int length = Math.Min(next.Length - offset, random.Next(1, 100_000));
            if (random.Next(3) == 0)
            {
                next.AsSpan(offset, length).Clear();
            }
            else
            {
                random.NextBytes(next.AsSpan(offset, length));
            }

            changes.Add(new DiskExtent(offset, length, DiskExtentKind.Data));
        }

        BlockMap map = changes.Aggregate(BlockMap.Empty, static (all, extent) => BlockMap.Union(all, new BlockMap([extent])));
        if (random.Next(4) == 0)
        {
            Array.Resize(ref next, random.Next(1, 1_500_000));
        }

        return (next, map);
    }

    private static async Task AssertReadsAsync(SnapshotRepository repository, Dictionary<string, byte[]> model, Random random, string what)
    {
        Assert.Equal(model.Keys.Order(), (await repository.ListAsync()).Select(static snapshot => snapshot.Id).Order());
        foreach ((string id, byte[] expected) in model)
        {
            await using SnapshotDisk opened = await repository.OpenDiskAsync(id, new SnapshotDiskOptions { CacheSize = 200_000 });
            for (int read = 0; read < 5; read++)
            {
                int offset = random.Next(expected.Length);
                byte[] buffer = new byte[random.Next(1, 300_000)];
                int count = random.Next(2) == 0 ? opened.Read(buffer, offset) : await opened.ReadAsync(buffer, offset);
                Assert.Equal(Math.Min(buffer.Length, expected.Length - offset), count);
                Assert.True(buffer.AsSpan(0, count).SequenceEqual(expected.AsSpan(offset, count)), $"{what}: snapshot {id} at {offset}.");
            }

            Assert.Equal(expected.Length, opened.GetExtents(0, opened.Length).Sum(static extent => extent.Length));
        }
    }
}
