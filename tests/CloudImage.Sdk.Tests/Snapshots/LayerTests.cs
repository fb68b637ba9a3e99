using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots;

/// <summary>Layers put together and moved by their trees: the same content as byte for byte, and little read for it.</summary>
public sealed class LayerTests
{
    private const long ChunksPerLeaf = 256;
    private const long ChunksPerUpperNode = 65536;
    private static readonly int s_seeds = int.Parse(Environment.GetEnvironmentVariable("CLOUDIMAGE_MODEL_SEEDS") ?? "8", CultureInfo.InvariantCulture);

    [Fact]
    public async Task Compose_ReadsNodesThatDiffer_AndNoChunk()
    {
        MemoryObjectStore memory = new();
        string baseId, application, data;
        long length = 40L << 30;
        await using (SnapshotRepository repository = await SnapshotRepository.CreateAsync(new UnownedStore(memory), SnapshotTestData.SmallChunks))
        {
            // Content in 2000 leaves of the base; the layers hold one chunk in 3 and 2 leaves of it.
            Dictionary<long, int> chunks = Enumerable.Range(0, 2000).ToDictionary(static leaf => (leaf * ChunksPerLeaf) + (leaf % 200), static leaf => leaf + 1);
            baseId = await CaptureAsync(repository, "base", new SparseDisk(length, chunks, DiskExtentKind.Zero), false);
            application = await CaptureAsync(repository, "application", Layer(length, 5, 700 * ChunksPerLeaf, 701 * ChunksPerLeaf), true);
            data = await CaptureAsync(repository, "data", Layer(length, 9, 5 + (1900 * ChunksPerLeaf)), true);
        }

        ReadLogStore store = new(memory);
        await using SnapshotRepository opened = await SnapshotRepository.OpenAsync(store);
        CaptureOptions options = new() { Image = "whole", Deduplication = ChunkDeduplication.Chain };
        CaptureResult composed = await opened.ComposeAsync([data, application, baseId], options);
        int nodes = store.CountReads("m/");
        Assert.Equal(0, store.CountReads("p/"));
        Assert.Equal(0, composed.ReadBytes);
        Assert.Equal(0, composed.NewChunks);

        // Of each snapshot the root and at most ten nodes of level 1, and the leaves that mingle: two a layer's leaf.
        Assert.InRange(nodes, 10, (3 * 11) + (5 * 2));
        Assert.InRange(composed.StoredBytes, 1, 8 * 60_000);
        Assert.Equal((2000 + 3) * (long)SnapshotTestData.ChunkSize, composed.Snapshot.DataBytes);
        VerifyResult verified = await opened.VerifyAsync(VerifyOptions.Default, null);
        Assert.Empty(verified.Problems);
        await AssertSameRootAsync(opened, composed, [data, application, baseId], false);
    }

    [Fact]
    public async Task Rebase_ReadsWhereTheBasesDiffer_AndNoChunkThatIsNotMixed()
    {
        MemoryObjectStore memory = new();
        string oldBase, newBase, layer;
        long length = 40L << 30;
        Dictionary<long, int> chunks = Enumerable.Range(0, 1500).ToDictionary(static leaf => leaf * ChunksPerLeaf, static leaf => leaf + 1);
        await using (SnapshotRepository repository = await SnapshotRepository.CreateAsync(new UnownedStore(memory), SnapshotTestData.SmallChunks))
        {
            oldBase = await CaptureAsync(repository, "base", new SparseDisk(length, chunks, DiskExtentKind.Zero), false);
            Dictionary<long, int> updated = new(chunks) { [3 * ChunksPerLeaf] = 90_000, [7 + (900 * ChunksPerLeaf)] = 90_001 };
            newBase = await CaptureAsync(repository, "base", new SparseDisk(length, updated, DiskExtentKind.Zero), false);

            // The layer has 800 leaves of its own; one chunk that is the old base's own was rewritten as it was.
            Dictionary<long, int> own = Enumerable.Range(200, 800).ToDictionary(static leaf => 9 + (leaf * ChunksPerLeaf), static leaf => leaf + 100_000);
            own[3 * ChunksPerLeaf] = chunks[3 * ChunksPerLeaf];
            layer = await CaptureAsync(repository, "layer", new SparseDisk(length, own, DiskExtentKind.Unmapped), true);
        }

        ReadLogStore store = new(memory);
        await using SnapshotRepository opened = await SnapshotRepository.OpenAsync(store);
        CaptureOptions options = new() { Image = "moved", Deduplication = ChunkDeduplication.Chain };
        RebaseResult rebased = await opened.RebaseAsync(layer, oldBase, newBase, options);
        Assert.Equal(0, store.CountReads("p/"));
        Assert.InRange(store.CountReads("m/"), 6, (3 * 11) + (3 * 2));
        Assert.Equal(0, rebased.Layer!.ReadBytes);
        Assert.Equal(0, rebased.Layer.NewChunks);
        await using SnapshotDisk moved = await opened.OpenDiskAsync(rebased.Layer.Id);
        byte[] content = new byte[SnapshotTestData.ChunkSize];
        byte[] expected = new byte[content.Length];
        new Random(90_000).NextBytes(expected);
        await moved.ReadAsync(content, 3 * ChunksPerLeaf * SnapshotTestData.ChunkSize);
        Assert.Equal(expected, content);
        Assert.Empty((await opened.VerifyAsync(VerifyOptions.Default, null)).Problems);
    }

    [Fact]
    public async Task Compose_AnyLayers_IsTheDiskThatTheyAreTogether()
    {
        for (int seed = 1; seed <= s_seeds; seed++)
        {
            Random random = new(seed);
            await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
            bool hasBase = random.Next(3) > 0;
            int count = random.Next(1, 5);
            long leaf = ChunksPerLeaf * SnapshotTestData.ChunkSize;
            long common = random.Next(1, 600) * leaf;
            List<string> ids = [];
            for (int index = 0; index < count; index++)
            {
                long length = random.Next(3) > 0 ? common : random.Next(1, 600) * leaf;
                bool isBase = hasBase && index == count - 1;
                ids.Add(await CaptureAsync(repository, $"layer {index}", AnyDisk(random, length, isBase ? DiskExtentKind.Zero : DiskExtentKind.Unmapped), !isBase));
            }

            bool isFlat = random.Next(3) == 0;
            CaptureResult composed = isFlat
                ? await repository.FlattenAsync(ids, SnapshotTestData.Capture("flat"))
                : await repository.ComposeAsync(ids, SnapshotTestData.Capture("whole"));
            Assert.Equal(!hasBase && !isFlat, composed.Snapshot.IsLayer);
            Assert.Equal(0, composed.ReadBytes);
            await AssertSameRootAsync(repository, composed, ids, composed.Snapshot.IsLayer);
            VerifyResult verified = await repository.VerifyAsync(VerifyOptions.Default, null);
            Assert.True(verified.IsHealthy, $"seed {seed}: {string.Join("; ", verified.Problems)}");
        }
    }

    [Fact]
    public async Task Compose_DisksThatEndWithinChunks_ReadsAsTheyDoTogether()
    {
        for (int seed = 1; seed <= s_seeds; seed++)
        {
            Random random = new(seed);
            await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
            List<string> ids = [];
            List<VirtualDisk> disks = [];
            for (int index = 0; index < 3; index++)
            {
                ModelDisk disk = new(SnapshotTestData.Mixed(random.Next(1, 900_000), (10 * seed) + index));
                for (int grain = 0; index < 2 && grain < (disk.Length + 4095) / 4096; grain += 16)
                {
                    // Whole chunks are unmapped: within one, a base under the layer would complete it.
                    bool isUnmapped = random.Next(2) == 0;
                    for (int within = grain; isUnmapped && within < Math.Min(grain + 16, (disk.Length + 4095) / 4096); within++)
                    {
                        disk.SetKind(within, DiskExtentKind.Unmapped);
                    }
                }

                disks.Add(disk);
                ids.Add(await CaptureAsync(repository, $"layer {index}", disk, index < 2));
            }

            CaptureResult composed = await repository.ComposeAsync(ids, SnapshotTestData.Capture("whole"));
            using LayeredDisk layered = new(disks, true);
            byte[] actual = await SnapshotTestData.ReadAllAsync(repository, composed.Id);
            byte[] expected = await SnapshotTestData.ReadAllAsync(layered);
            Assert.True(actual.AsSpan().SequenceEqual(expected), $"seed {seed}");
            Assert.InRange(composed.ReadBytes, 0, 3 * SnapshotTestData.ChunkSize);
            Assert.True((await repository.VerifyAsync(VerifyOptions.Default, null)).IsHealthy, $"seed {seed}");
        }
    }

    [Fact]
    public async Task Rebase_AnyLayer_ReadsAsTheModelOrListsWhatClashes()
    {
        int clashes = 0;
        for (int seed = 1; seed <= 2 * s_seeds; seed++)
        {
            Random random = new(seed);
            byte[] oldBase = SnapshotTestData.Mixed(random.Next(1, 900_000), seed);
            byte[] newBase = Change(random, oldBase, random.Next(3) == 0 ? random.Next(1, 900_000) : oldBase.Length);
            byte[] changed = Change(random, oldBase, random.Next(3) == 0 ? random.Next(1, 900_000) : oldBase.Length);
            ModelDisk layer = new(changed);
            for (int grain = 0; grain < (changed.Length + 4095) / 4096; grain++)
            {
                // A layer as an overlay is one: what it does not hold is the old base's.
                if (Block(changed, grain, changed.Length).SequenceEqual(Block(oldBase, grain, changed.Length)))
                {
                    layer.SetKind(grain, DiskExtentKind.Unmapped);
                }
            }

            await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
            string oldId = await CaptureAsync(repository, "base", new ModelDisk(oldBase), false);
            string newId = await CaptureAsync(repository, "base", new ModelDisk(newBase), false);
            CaptureOptions options = new() { Image = "layer", AsLayer = true, LayerBase = new ModelDisk(oldBase) };
            string layerId = (await repository.CaptureAsync(layer, options, null)).Id;
            RebaseResult rebased = await repository.RebaseAsync(layerId, oldId, newId, SnapshotTestData.Capture("layer"));

            List<long> expectedClashes = [];
            byte[] expected = new byte[changed.Length];
            await using SnapshotDisk held = await repository.OpenDiskAsync(layerId);
            BlockMap holds = BlockMap.Of(held);
            for (int grain = 0; grain * 4096 < changed.Length; grain++)
            {
                byte[] mine = Block(changed, grain, changed.Length);
                byte[] common = Block(oldBase, grain, changed.Length);
                byte[] theirs = Block(newBase, grain, changed.Length);
                bool isHeld = held.GetExtents(grain * 4096L, 1).First().Kind != DiskExtentKind.Unmapped;
                bool isMine = !mine.AsSpan().SequenceEqual(common);
                (isMine ? mine : theirs).CopyTo(expected, grain * 4096);
                if (isHeld && isMine && !theirs.AsSpan().SequenceEqual(common) && !mine.AsSpan().SequenceEqual(theirs))
                {
                    expectedClashes.Add(grain * 4096L);
                }
            }

            clashes += expectedClashes.Count > 0 ? 1 : 0;
            Assert.Equal(expectedClashes, rebased.Conflicts.SelectMany(static extent => Blocks(extent)));
            if (rebased.Layer is not null)
            {
                CaptureResult whole = await repository.ComposeAsync([rebased.Layer.Id, newId], SnapshotTestData.Capture("whole"));
                byte[] actual = await SnapshotTestData.ReadAllAsync(repository, whole.Id);
                Assert.True(actual.AsSpan().SequenceEqual(expected), $"seed {seed}");
            }

            Assert.True((await repository.VerifyAsync(VerifyOptions.Default, null)).IsHealthy, $"seed {seed}");
        }

        Assert.InRange(clashes, 1, (2 * s_seeds) - 1);
    }

    private static IEnumerable<long> Blocks(DiskExtent extent)
    {
        for (long offset = extent.Offset; offset < extent.End; offset += 4096)
        {
            yield return offset;
        }
    }

    private static byte[] Block(byte[] disk, int grain, int length)
    {
        byte[] block = new byte[Math.Min(4096, length - (grain * 4096))];
        int count = Math.Clamp(disk.Length - (grain * 4096), 0, block.Length);
        disk.AsSpan(Math.Min(grain * 4096, disk.Length), count).CopyTo(block);
        return block;
    }

    private static byte[] Change(Random random, byte[] disk, int length)
    {
        byte[] changed = new byte[length];
        disk.AsSpan(0, Math.Min(length, disk.Length)).CopyTo(changed);
        for (int count = random.Next(3); count > 0; count--)
        {
            int grain = random.Next((length + 4095) / 4096);
            random.NextBytes(changed.AsSpan(grain * 4096, Math.Min(length - (grain * 4096), random.Next(1, 20_000))));
        }

        return changed;
    }

    private static SparseDisk Layer(long length, int seed, params long[] chunks) =>
        new(length, chunks.ToDictionary(static chunk => chunk, chunk => (int)(seed * 1000 + (chunk % 1000))), DiskExtentKind.Unmapped);

    private static SparseDisk AnyDisk(Random random, long length, DiskExtentKind rest)
    {
        long chunks = length / SnapshotTestData.ChunkSize;
        Dictionary<long, int> content = [];
        for (int count = random.Next(60); count > 0; count--)
        {
            // Runs that now and then fill a leaf or begin a node of level 1, so that whole subtrees are hidden too.
            long first = random.Next(4) == 0 ? random.NextInt64(chunks) / ChunksPerUpperNode * ChunksPerUpperNode : random.NextInt64(chunks);
            int run = random.Next(40) == 0 ? (int)ChunksPerLeaf * 2 : random.Next(1, 4);
            int seed = random.Next(4) == 0 ? 0 : random.Next(1, 9);
            for (long chunk = first; chunk < Math.Min(chunks, first + run); chunk++)
            {
                content[chunk] = seed;
            }
        }

        return new SparseDisk(length, content, rest);
    }

    private static async Task<string> CaptureAsync(SnapshotRepository repository, string image, VirtualDisk disk, bool isLayer) =>
        (await repository.CaptureAsync(disk, new CaptureOptions { Image = image, AsLayer = isLayer }, null)).Id;

    // The root covers content alone: a capture of the joined disks, read byte for byte, has the same one.
    private static async Task AssertSameRootAsync(SnapshotRepository repository, CaptureResult composed, IReadOnlyList<string> ids, bool isLayer)
    {
        List<VirtualDisk> disks = [];
        foreach (string id in ids)
        {
            disks.Add(await repository.OpenDiskAsync(id));
        }

        using LayeredDisk layered = new(disks);
        CaptureResult direct = await repository.CaptureAsync(layered, new CaptureOptions { Image = "direct", AsLayer = isLayer }, null);
        Assert.Equal(direct.Snapshot.Root, composed.Snapshot.Root);
        Assert.Equal(direct.Snapshot.DataBytes, composed.Snapshot.DataBytes);
    }
}
