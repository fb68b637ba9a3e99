using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Compression;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots;

public class CaptureTests
{
    public static TheoryData<int, ContentHashAlgorithm, string> Shapes { get; } = new()
    {
        { 0, ContentHashAlgorithm.Blake3, "lz4" },
        { 1, ContentHashAlgorithm.Blake3, "none" },
        { 65536, ContentHashAlgorithm.Sha256, "zstd" },
        { 65537, ContentHashAlgorithm.Blake3, "lz4" },
        { (65536 * 256) - 1, ContentHashAlgorithm.Blake3, "lz4" },
        { 65536 * 256, ContentHashAlgorithm.Sha256, "lz4" },
        { (65536 * 256) + 5, ContentHashAlgorithm.Blake3, "zstd" },
        { (65536 * 700) + 4096, ContentHashAlgorithm.Blake3, "lz4" },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task Capture_AnyLength_ReadsBackTheSame(int length, ContentHashAlgorithm digest, string codecName)
    {
        ChunkCodec codec = codecName switch { "lz4" => ChunkCodec.Lz4, "zstd" => ChunkCodec.Zstd, _ => ChunkCodec.Stored };
        byte[] content = SnapshotTestData.Mixed(length, length);
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(
            new MemoryObjectStore(), new SnapshotRepositoryOptions { ChunkSize = SnapshotTestData.ChunkSize, Digest = digest });
        CaptureResult result = await repository.CaptureAsync(new ModelDisk(content), new CaptureOptions { Image = "disk", Codec = codec }, null);
        Assert.Equal(length, result.LogicalBytes);
        Assert.Equal(content, await SnapshotTestData.ReadAllAsync(repository, result.Id));
        VerifyResult verified = await repository.VerifyAsync(VerifyOptions.Default, null);
        Assert.Empty(verified.Problems);
    }

    [Fact]
    public async Task Pack_WithTableAndFooter_StaysWithin64MiB()
    {
        byte[] content = new byte[66 << 20];
        new Random(7).NextBytes(content);
        MemoryObjectStore store = new();
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, SnapshotTestData.SmallChunks);
        await repository.CaptureAsync(new TestDisk(content), SnapshotTestData.Capture("disk"), null);
        long longest = 0;
        await foreach (ObjectInfo info in store.ListAsync("p/", null))
        {
            longest = Math.Max(longest, info.Length);
        }

        Assert.InRange(longest, 63 << 20, 64 << 20);
    }

    [Fact]
    public async Task Capture_UnchangedDisk_StoresRecordsAlone()
    {
        byte[] content = SnapshotTestData.Mixed(20 << 20, 7);
        MemoryObjectStore store = new();
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, SnapshotTestData.SmallChunks);
        CaptureResult first = await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null);
        CaptureResult second = await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null);
        Assert.Equal(first.Snapshot.Root, second.Snapshot.Root);
        Assert.Equal(first.Id, second.Snapshot.ParentId);
        Assert.Equal(2, second.Snapshot.Sequence);
        Assert.Equal(0, second.NewChunks);
        Assert.True(second.StoredBytes < 2000, $"{second.StoredBytes} bytes were stored.");
        Assert.Equal(first.Snapshot.DataBytes, second.Snapshot.DataBytes);
        Assert.Equal(1, await SnapshotTestData.CountAsync(store, "m/"));
        Assert.Equal(content, await SnapshotTestData.ReadAllAsync(repository, second.Id));
    }

    [Fact]
    public async Task Capture_SmallChange_StoresTheChangedChunksAlone()
    {
        byte[] content = SnapshotTestData.Mixed(40 << 20, 8);
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
        await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null);
        byte[] changed = [.. content];
        new Random(3).NextBytes(changed.AsSpan(30 << 20, 100));
        CaptureResult second = await repository.CaptureAsync(new ModelDisk(changed), SnapshotTestData.Capture("disk"), null);
        Assert.Equal(1, second.NewChunks);
        Assert.Equal(changed, await SnapshotTestData.ReadAllAsync(repository, second.Id));
    }

    [Fact]
    public async Task Capture_SameContentElsewhere_HasTheSameRoot()
    {
        byte[] content = SnapshotTestData.Mixed(3 << 20, 9);
        await using SnapshotRepository one = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
        await using SnapshotRepository other = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
        CaptureResult first = await one.CaptureAsync(new ModelDisk(content), new CaptureOptions { Image = "a", Codec = ChunkCodec.Zstd }, null);
        CaptureResult second = await other.CaptureAsync(new ModelDisk(content), new CaptureOptions { Image = "b", Codec = ChunkCodec.Stored }, null);
        Assert.Equal(first.Snapshot.Root, second.Snapshot.Root);
    }

    [Fact]
    public async Task Capture_Holes_AreNeverRead()
    {
        byte[] content = new byte[8 << 20];
        new Random(1).NextBytes(content.AsSpan(1 << 20, 4096));
        new Random(2).NextBytes(content.AsSpan((5 << 20) + 8192, 12288));
        ModelDisk disk = new(content);
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotRepositoryOptions.Default);
        CaptureResult result = await repository.CaptureAsync(disk, SnapshotTestData.Capture("disk"), null);
        Assert.Equal(16384, disk.ReadBytes);
        Assert.Equal(16384, result.ReadBytes);
        Assert.Equal(content, await SnapshotTestData.ReadAllAsync(repository, result.Id));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Capture_WithChangeMap_ReadsOnlyTheChunksItTouches(bool isRemote)
    {
        byte[] content = SnapshotTestData.Mixed(40 << 20, 10);
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
        await repository.CaptureAsync(new ModelDisk(content) { IsRemote = isRemote }, SnapshotTestData.Capture("disk"), null);
        byte[] changed = [.. content];
        new Random(3).NextBytes(changed.AsSpan(1000, 100));
        new Random(4).NextBytes(changed.AsSpan((30 << 20) - 50, 100));
        BlockMap map = new([new DiskExtent(1000, 100, DiskExtentKind.Data), new DiskExtent((30 << 20) - 50, 100, DiskExtentKind.Data)]);
        ModelDisk disk = new(changed) { IsRemote = isRemote };
        CaptureResult result = await repository.CaptureAsync(disk, new CaptureOptions { Image = "disk", ChangeMap = map }, null);
        Assert.True(disk.ReadBytes <= 3 * 65536, $"{disk.ReadBytes} bytes were read.");
        Assert.Equal(changed, await SnapshotTestData.ReadAllAsync(repository, result.Id));
        CaptureResult full = await repository.CaptureAsync(new ModelDisk(changed), SnapshotTestData.Capture("disk"), null);
        Assert.Equal(full.Snapshot.Root, result.Snapshot.Root);
        Assert.Equal(full.Snapshot.DataBytes, result.Snapshot.DataBytes);
    }

    [Theory]
    [InlineData(100_000, 300_000)]
    [InlineData(65536 * 200, (65536 * 300) + 1)]
    [InlineData((65536 * 300) + 1, 65536 * 200)]
    [InlineData((65536 * 256) - 10, 65536 * 256)]
    [InlineData(65536 * 256, (65536 * 256) - 10)]
    [InlineData(0, 65536 * 2)]
    public async Task Capture_ResizedDiskWithEmptyChangeMap_SeesTheNewEnd(int before, int after)
    {
        byte[] content = SnapshotTestData.Mixed(Math.Max(before, after), 11);
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
        await repository.CaptureAsync(new ModelDisk(content[..before]), SnapshotTestData.Capture("disk"), null);
        CaptureResult result = await repository.CaptureAsync(new ModelDisk(content[..after]), new CaptureOptions { Image = "disk", ChangeMap = BlockMap.Empty }, null);
        Assert.Equal(content[..after], await SnapshotTestData.ReadAllAsync(repository, result.Id));
    }

    [Fact]
    public async Task Capture_RepeatedChunksInExactMode_StoresThemOnce()
    {
        byte[] block = SnapshotTestData.Mixed(65536, 12);
        new Random(5).NextBytes(block);
        byte[] content = new byte[65536 * 40];
        for (int index = 0; index < 40; index++)
        {
            block.CopyTo(content, index * 65536);
        }

        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
        CaptureResult result = await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null);
        Assert.Equal(1, result.NewChunks);
        Assert.Equal(39, result.DuplicateChunks);
        CaptureResult other = await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("another"), null);
        Assert.Equal(0, other.NewChunks);
        Assert.Equal(40, other.DuplicateChunks);
        Assert.Equal(content, await SnapshotTestData.ReadAllAsync(repository, other.Id));
        CaptureResult chain = await repository.CaptureAsync(new ModelDisk(content), new CaptureOptions { Image = "third", Deduplication = ChunkDeduplication.Chain }, null);
        Assert.Equal(40, chain.NewChunks);
    }

    [Fact]
    public async Task Capture_WithABaseImage_SharesWhatItHasInTheSamePlace()
    {
        byte[] golden = SnapshotTestData.Mixed(40 << 20, 15);
        ReadLogStore store = new(new MemoryObjectStore());
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, SnapshotTestData.SmallChunks);
        await repository.CaptureAsync(new ModelDisk(golden), SnapshotTestData.Capture("golden"), null);
        CaptureOptions chain = new() { Image = "web", BaseImage = "golden", Deduplication = ChunkDeduplication.Chain };
        byte[] content = [.. golden];
        new Random(3).NextBytes(content.AsSpan(20 << 20, 100));
        CaptureResult first = await repository.CaptureAsync(new ModelDisk(content), chain, null);
        Assert.Null(first.Snapshot.ParentId);
        Assert.Equal(1, first.NewChunks);
        Assert.InRange(first.DuplicateChunks, 600, 640);
        Assert.InRange(first.StoredBytes, 1, 65536 + 60_000);
        Assert.Equal(content, await SnapshotTestData.ReadAllAsync(repository, first.Id));

        // Beside the parent: what the base has again, and what the parent alone has.
        byte[] later = [.. content];
        new Random(4).NextBytes(later.AsSpan(30 << 20, 100));
        golden.AsSpan(20 << 20, 65536).CopyTo(later.AsSpan(20 << 20));
        CaptureResult second = await repository.CaptureAsync(new ModelDisk(later), chain, null);
        Assert.Equal(first.Id, second.Snapshot.ParentId);
        Assert.Equal(1, second.NewChunks);
        Assert.Equal(1, second.DuplicateChunks);
        Assert.Equal(later, await SnapshotTestData.ReadAllAsync(repository, second.Id));
        Assert.Empty((await repository.VerifyAsync(VerifyOptions.Default, null)).Problems);
        await Assert.ThrowsAsync<SnapshotNotFoundException>(() => repository.CaptureAsync(
            new ModelDisk(later), new CaptureOptions { Image = "web", BaseImage = "nobody" }, null));
    }

    [Fact]
    public async Task Slice_RestoresARangeAlone()
    {
        byte[] content = SnapshotTestData.Mixed(3_000_001, 16);
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
        string id = (await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null)).Id;
        await using SnapshotDisk disk = await repository.OpenDiskAsync(id);
        foreach ((int offset, int length) in new[] { (0, 3_000_001), (123_457, 1_000_003), (2_900_000, 100_001), (3_000_001, 0), (65_536, 65_536) })
        {
            await using VirtualDisk range = disk.Slice(offset, length);
            Assert.Equal(content[offset..(offset + length)], await SnapshotTestData.ReadAllAsync(range));
            Assert.Equal(length, range.GetExtents(0, length).Sum(static extent => extent.Length));
            Assert.All(range.GetExtents(0, length).Where(static extent => extent.Kind == DiskExtentKind.Zero), extent =>
                Assert.False(content.AsSpan((int)(offset + extent.Offset), (int)extent.Length).ContainsAnyExcept((byte)0)));
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => disk.Slice(0, content.Length + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => disk.Slice(content.Length + 1, 0));
    }

    [Fact]
    public async Task Delete_OfAParent_LeavesItsChildWhole()
    {
        byte[] content = SnapshotTestData.Mixed(2 << 20, 13);
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
        CaptureResult first = await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null);
        CaptureResult second = await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null);
        await repository.DeleteAsync(first.Id);
        await repository.DeleteAsync(first.Id);
        IReadOnlyList<SnapshotInfo> left = await repository.ListAsync();
        Assert.Equal(second.Id, Assert.Single(left).Id);
        Assert.Equal(2, (await repository.ListAsync(true)).Count);
        Assert.Equal(content, await SnapshotTestData.ReadAllAsync(repository, second.Id));
        await Assert.ThrowsAsync<SnapshotNotFoundException>(() => repository.OpenDiskAsync(first.Id));
        await Assert.ThrowsAsync<SnapshotNotFoundException>(() => repository.CaptureAsync(
            new ModelDisk(content), new CaptureOptions { Image = "disk", Parent = SnapshotParent.Of(first.Id) }, null));
    }

    [Fact]
    public async Task Diff_TwoSnapshots_ListsTheChangedChunks()
    {
        byte[] content = SnapshotTestData.Mixed(40 << 20, 14);
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotTestData.SmallChunks);
        CaptureResult first = await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null);
        byte[] changed = [.. content];
        changed.AsSpan(65536 * 3, 65536).Clear();
        new Random(3).NextBytes(changed.AsSpan((65536 * 500) + 7, 100));
        CaptureResult second = await repository.CaptureAsync(new ModelDisk(changed), SnapshotTestData.Capture("disk"), null);
        BlockMap map = await repository.DiffAsync(first.Id, second.Id);
        Assert.Equal(
            [new DiskExtent(65536 * 3, 65536, DiskExtentKind.Zero), new DiskExtent(65536 * 500, 65536, DiskExtentKind.Data)],
            map);
        Assert.Empty(await repository.DiffAsync(second.Id, second.Id));
    }
}
