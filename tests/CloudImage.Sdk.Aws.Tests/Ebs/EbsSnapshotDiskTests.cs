using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using CloudImage.Sdk.Aws.Ebs;
using CloudImage.Sdk.Aws.Tests.Fakes;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Aws.Tests.Ebs;

public sealed class EbsSnapshotDiskTests : VirtualDiskConformance, IAsyncLifetime
{
    private EbsFake _fake = null!;
    private EbsDirectClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        _fake = await EbsFake.StartAsync(new EbsFakeOptions { MaxPageLength = 3 });
        _client = EbsClients.For(_fake);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _fake.DisposeAsync();
    }

    protected override VirtualDisk OpenDisk(out byte[] content)
    {
        Dictionary<int, byte[]> blocks = EbsBlocks.Random(7, [0, 1, 3, 4, 5, 8, 9]);
        string id = _fake.AddSnapshot(1, blocks);
        content = _fake.Read(id, (5 << 20) + 512);
        return Open(id, new EbsSnapshotDiskOptions { Length = content.Length, CacheLength = 2 << 20, MaxCachedPages = 2 });
    }

    [Fact]
    public void Length_IsThatOfTheVolume_UnlessItIsGiven()
    {
        string id = _fake.AddSnapshot(3, EbsBlocks.Random(1, [2047, 3 * 2048 - 1]));
        using EbsSnapshotDisk disk = Open(id, EbsSnapshotDiskOptions.Default);
        Assert.Equal(3L << 30, disk.Length);
        Assert.Equal(2 * EbsConstants.BlockSize, BlockMap.Of(disk).DataLength);
        byte[] end = new byte[1000];
        Assert.Equal(1000, disk.Read(end, disk.Length - 1000));
        Assert.Equal(_fake[id].Find(3 * 2048 - 1)!.Content[^1000..], end);
        Assert.ThrowsAny<ArgumentException>(() => Open(id, new EbsSnapshotDiskOptions { Length = (3L << 30) + 1 }));
    }

    [Fact]
    public async Task Reads_OfAbsentBlocks_AskNothing()
    {
        string id = _fake.AddSnapshot(1, EbsBlocks.Random(1, [2047]));
        using EbsSnapshotDisk disk = Open(id, EbsSnapshotDiskOptions.Default);
        long lists = _client.RequestCounts.ListSnapshotBlocks;
        byte[] buffer = new byte[64 << 20];
        await disk.ReadAsync(buffer, 100, TestContext.Current.CancellationToken);
        Assert.False(buffer.AsSpan().ContainsAnyExcept((byte)0));
        Assert.Equal(0, _client.RequestCounts.GetSnapshotBlock);
        Assert.Equal(lists, _client.RequestCounts.ListSnapshotBlocks);
    }

    [Fact]
    public async Task SmallReadsInOrder_FetchEveryBlockOnce()
    {
        string id = _fake.AddSnapshot(1, EbsBlocks.Random(1, Enumerable.Range(0, 12)));
        using EbsSnapshotDisk disk = Open(id, new EbsSnapshotDiskOptions { CacheLength = 4 << 20 });
        byte[] expected = _fake.Read(id, 6 << 20);
        byte[] buffer = new byte[40_000];
        for (int offset = 0; offset + buffer.Length <= expected.Length; offset += buffer.Length)
        {
            await disk.ReadAsync(buffer, offset, TestContext.Current.CancellationToken);
            Assert.True(expected.AsSpan(offset, buffer.Length).SequenceEqual(buffer));
        }

        Assert.Equal(12, _client.RequestCounts.GetSnapshotBlock);
    }

    [Fact]
    public async Task ExpiredBlockTokens_AreListedAgain_BothWhenTheClockTellsAndWhenTheServiceDoes()
    {
        ShiftedTime serviceTime = new(TimeSpan.Zero);
        await using EbsFake fake = await EbsFake.StartAsync(new EbsFakeOptions { TimeProvider = serviceTime });
        string id = fake.AddSnapshot(1, EbsBlocks.Random(1, [5]));
        using EbsDirectClient client = EbsClients.For(fake, time: serviceTime);
        using EbsSnapshotDisk disk = await EbsSnapshotDisk.OpenAsync(client, id, new EbsSnapshotDiskOptions { CacheLength = 0, MaxReadAhead = 0 }, TestContext.Current.CancellationToken);
        byte[] expected = fake[id].Find(5)!.Content;
        byte[] buffer = new byte[expected.Length];
        disk.Read(buffer, 5 * EbsConstants.BlockSize);
        long lists = client.RequestCounts.ListSnapshotBlocks;
        serviceTime.Shift = TimeSpan.FromDays(8);
        disk.Read(buffer, 5 * EbsConstants.BlockSize);
        Assert.Equal(expected, buffer);
        Assert.True(client.RequestCounts.ListSnapshotBlocks > lists);
        Assert.Equal(2, fake.Calls("GetSnapshotBlock"));

        // A client whose clock stands still learns it from the service.
        ShiftedTime ownTime = new(TimeSpan.FromDays(8));
        using EbsDirectClient slow = EbsClients.For(fake, time: ownTime);
        using EbsSnapshotDisk slowDisk = await EbsSnapshotDisk.OpenAsync(slow, id, new EbsSnapshotDiskOptions { CacheLength = 0, MaxReadAhead = 0 }, TestContext.Current.CancellationToken);
        serviceTime.Shift = TimeSpan.FromDays(16);
        Array.Clear(buffer);
        slowDisk.Read(buffer, 5 * EbsConstants.BlockSize);
        Assert.Equal(expected, buffer);
    }

    [Fact]
    public async Task GetChanges_TellsWrittenAndRemovedBlocks_InBothDirections()
    {
        string first = _fake.AddSnapshot(1, EbsBlocks.Random(1, [0, 1, 2, 10, 11, 20]));
        string second = _fake.AddSnapshot(2, EbsBlocks.Random(2, [1, 2, 30, 3000]), first, [10, 11]);
        const long size = EbsConstants.BlockSize;
        Assert.Equal(
            [
                new DiskExtent(1 * size, 2 * size, DiskExtentKind.Data), new DiskExtent(10 * size, 2 * size, DiskExtentKind.Zero),
                new DiskExtent(30 * size, size, DiskExtentKind.Data), new DiskExtent(3000 * size, size, DiskExtentKind.Data),
            ],
            await EbsSnapshotDisk.GetChangesAsync(_client, first, second, TestContext.Current.CancellationToken));
        Assert.Equal(
            [
                new DiskExtent(1 * size, 2 * size, DiskExtentKind.Data), new DiskExtent(10 * size, 2 * size, DiskExtentKind.Data),
                new DiskExtent(30 * size, size, DiskExtentKind.Zero),
            ],
            await EbsSnapshotDisk.GetChangesAsync(_client, second, first, TestContext.Current.CancellationToken));
        string stranger = _fake.AddSnapshot(1, EbsBlocks.Random(3, [0]));
        await Assert.ThrowsAsync<EbsUnrelatedSnapshotsException>(() => EbsSnapshotDisk.GetChangesAsync(_client, first, stranger, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Open_OfASnapshotThatIsPending_TellsItsState()
    {
        string id = await _client.StartSnapshotAsync(new EbsStartRequest { VolumeSize = 1, ClientToken = "pending" }, TestContext.Current.CancellationToken);
        EbsException thrown = Assert.ThrowsAny<EbsException>(() => Open(id, EbsSnapshotDiskOptions.Default));
        Assert.Equal("INVALID_SNAPSHOT_ID", thrown.Reason);
        Assert.Throws<ArgumentException>(() => Open("vol-1", EbsSnapshotDiskOptions.Default));
        Assert.Throws<ArgumentException>(() => Open("snap-../x", EbsSnapshotDiskOptions.Default));
        Assert.Throws<EbsSnapshotNotFoundException>(() => Open("snap-0123", EbsSnapshotDiskOptions.Default));
    }

    private EbsSnapshotDisk Open(string id, EbsSnapshotDiskOptions options) =>
        Task.Run(() => EbsSnapshotDisk.OpenAsync(_client, id, options)).GetAwaiter().GetResult();
}
