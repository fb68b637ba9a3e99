using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Trees;
using CloudImage.Sdk.Storage;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots.Trees;

public class RootHasherTests
{
    [Theory]
    [InlineData(0, ContentHashAlgorithm.Blake3)]
    [InlineData(1, ContentHashAlgorithm.Blake3)]
    [InlineData(3_000_001, ContentHashAlgorithm.Sha256)]
    [InlineData(SnapshotTestData.ChunkSize * 256, ContentHashAlgorithm.Blake3)]
    [InlineData((SnapshotTestData.ChunkSize * 513) + 5, ContentHashAlgorithm.Blake3)]
    public async Task Root_OfADisk_IsThatOfItsSnapshot(int length, ContentHashAlgorithm suite)
    {
        byte[] content = SnapshotTestData.Mixed(length, 3);
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(
            new MemoryObjectStore(), new SnapshotRepositoryOptions { ChunkSize = SnapshotTestData.ChunkSize, Digest = suite });
        CaptureResult captured = await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null);
        using ModelDisk disk = new(content);
        Assert.Equal(captured.Snapshot.Root, await RootHasher.ComputeAsync(disk, length, SnapshotTestData.ChunkSize, suite, CancellationToken.None));
        using MemoryDisk longer = new((byte[])[.. content, .. new byte[1000]]);
        Assert.Equal(captured.Snapshot.Root, await RootHasher.ComputeAsync(longer, length, SnapshotTestData.ChunkSize, suite, CancellationToken.None));
        using MemoryDisk other = new((byte[])[.. content, .. new byte[1000], 1]);
        Assert.Null(await RootHasher.ComputeAsync(other, length, SnapshotTestData.ChunkSize, suite, CancellationToken.None));
    }
}
