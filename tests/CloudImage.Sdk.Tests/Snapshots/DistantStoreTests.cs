using System.Collections.Generic;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Collection;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots;

/// <summary>How many requests a repository takes in a store where each costs milliseconds.</summary>
public sealed class DistantStoreTests
{
    private const int Leaves = 40;
    private const int ChunksPerLeaf = 12;

    [Fact]
    public async Task Capture_AfterAnother_ReadsTreeAndIndexInFewRequests()
    {
        await using ReadLogStore store = new(new MemoryObjectStore(), isLocal: false);
        await using (SnapshotRepository repository = await SnapshotRepository.CreateAsync(new UnownedStore(store), SnapshotTestData.SmallChunks))
        {
            using SparseDisk older = Disk(seed: 1);
            await repository.CaptureAsync(older, SnapshotTestData.Capture("disk"), null);
        }

        await using SnapshotRepository again = await SnapshotRepository.OpenAsync(new UnownedStore(store));
        store.Clear();
        using SparseDisk newer = Disk(seed: 2);
        CaptureResult result = await again.CaptureAsync(newer, SnapshotTestData.Capture("disk"), null);
        Assert.Equal(Leaves, result.NewChunks);
        Assert.Equal(Leaves * (ChunksPerLeaf - 1), result.UnchangedChunks);

        // The node above the leaves, and then the leaves in runs that grow; the segment of the capture before, and the own one, each whole.
        Assert.InRange(store.CountReads("m/"), 2, 6);
        Assert.InRange(store.CountReads("i/"), 1, 2);
        await using SnapshotDisk disk = await again.OpenDiskAsync(result.Snapshot.Id);
        Assert.True((await DiskComparer.CompareAsync(newer, disk, DiskCompareOptions.Default, null)).AreEqual);
    }

    [Fact]
    public async Task Marking_ReadsTheNodesOfALevelTogether()
    {
        await using ReadLogStore store = new(new MemoryObjectStore(), isLocal: false);
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new UnownedStore(store), SnapshotTestData.SmallChunks);
        for (int seed = 1; seed <= 3; seed++)
        {
            using SparseDisk disk = Disk(seed);
            await repository.CaptureAsync(disk, SnapshotTestData.Capture("disk"), null);
        }

        await using SnapshotRepository again = await SnapshotRepository.OpenAsync(new UnownedStore(store));
        store.Clear();
        CollectResult result = await again.CollectAsync(new CollectOptions { CompactBelow = 0.5, IsDryRun = true }, null);
        Assert.Empty(result.Warnings);

        // Of each snapshot the root, and the leaves that only it has, next to each other; of each pack the table.
        Assert.InRange(store.CountReads("m/"), 3, 3 * 3);
        Assert.InRange(store.CountReads("p/"), 3, 3);
    }

    // In each leaf a few chunks, one of which depends on the seed.
    private static SparseDisk Disk(int seed)
    {
        Dictionary<long, int> chunks = [];
        for (int leaf = 0; leaf < Leaves; leaf++)
        {
            for (int index = 0; index < ChunksPerLeaf; index++)
            {
                chunks.Add((leaf * 256L) + (index * 20), (leaf * 100) + index + (index == 5 ? seed * 1_000_000 : 1));
            }
        }

        return new SparseDisk(Leaves * 256L * SnapshotTestData.ChunkSize, chunks, DiskExtentKind.Zero);
    }
}
