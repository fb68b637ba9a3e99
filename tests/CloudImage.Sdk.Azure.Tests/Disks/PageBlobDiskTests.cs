using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using Azure.Storage.Sas;
using CloudImage.Sdk.Azure.Disks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Azure.Tests.Disks;

/// <summary>Page blobs in Azurite, which keeps and lists pages as the service does but for differences.</summary>
public sealed class PageBlobDiskTests(AzuriteServer azurite) : VirtualDiskConformance, IAsyncLifetime
{
    private PageBlobPlace _place = null!;

    public async ValueTask InitializeAsync() => _place = await PageBlobPlace.NewAsync(await azurite.GetAsync());

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    protected override VirtualDisk OpenDisk(out byte[] content)
    {
        using TestDisk disk = TestDisk.Random(5, (3 << 20) + 1536, 70_144, true);
        content = disk.ToArray();
        return OpenAsync(disk).GetAwaiter().GetResult();

        async Task<PageBlobDisk> OpenAsync(TestDisk source) => await PageBlobDisk.OpenAsync(await _place.UploadAsync(source), PageBlobDiskOptions.Default);
    }

    [Fact]
    public async Task Extents_AreThePages()
    {
        PageBlobClient client = _place.Client(PageBlobPlace.NewName());
        await client.CreateAsync(64 << 20, cancellationToken: TestContext.Current.CancellationToken);
        foreach (int at in (int[])[0, 1536, 32 << 20, (64 << 20) - 512])
        {
            await client.UploadPagesAsync(new MemoryStream(new byte[512]), at, cancellationToken: TestContext.Current.CancellationToken);
        }

        using PageBlobDisk disk = await PageBlobDisk.OpenAsync(client, PageBlobDiskOptions.Default, TestContext.Current.CancellationToken);
        Assert.Equal([(0L, 512L), (1536, 512), (32 << 20, 512), ((64 << 20) - 512, 512)], BlockMap.Of(disk).Where(static extent => extent.Kind == DiskExtentKind.Data).Select(static extent => (extent.Offset, extent.Length)));
    }

    [Fact]
    public async Task Read_OfMoreThanARequestTakes_ReturnsTheContent()
    {
        using TestDisk source = TestDisk.Random(6, 23 << 20, 900_096, true);
        using PageBlobDisk disk = await PageBlobDisk.OpenAsync(await _place.UploadAsync(source), PageBlobDiskOptions.Default, TestContext.Current.CancellationToken);
        byte[] read = new byte[(23 << 20) - 777];
        Assert.Equal(read.Length, await disk.ReadAsync(read, 777, TestContext.Current.CancellationToken));
        Assert.True(source.ToArray().AsSpan(777).SequenceEqual(read));
    }

    [Fact]
    public async Task Read_WhereNoPagesAre_AsksForTheListAlone()
    {
        TestServer server = await azurite.GetAsync();
        await using FaultProxy proxy = new(server.Port);
        PageBlobClient client = _place.Client(PageBlobPlace.NewName(), port: proxy.Port);
        await client.CreateAsync(1L << 40, cancellationToken: TestContext.Current.CancellationToken);
        using PageBlobDisk disk = await PageBlobDisk.OpenAsync(client, PageBlobDiskOptions.Default, TestContext.Current.CancellationToken);
        byte[] read = new byte[16 << 20];
        read.AsSpan().Fill(1);
        await disk.ReadAsync(read, 1L << 39, TestContext.Current.CancellationToken);
        Assert.False(read.AsSpan().ContainsAnyExcept((byte)0));
        Assert.Equal(1, proxy.Count("GET"));
    }

    [Fact]
    public async Task ABlobThatChanges_IsToldAndNotMixed_AndASnapshotStays()
    {
        using TestDisk source = TestDisk.Random(7, 2 << 20, 70_144, true);
        PageBlobClient client = await _place.UploadAsync(source);
        BlobSnapshotInfo snapshot = await client.CreateSnapshotAsync(cancellationToken: TestContext.Current.CancellationToken);
        using PageBlobDisk live = await PageBlobDisk.OpenAsync(client, PageBlobDiskOptions.Default, TestContext.Current.CancellationToken);
        using PageBlobDisk frozen = await PageBlobDisk.OpenAsync(client.WithSnapshot(snapshot.Snapshot), PageBlobDiskOptions.Default, TestContext.Current.CancellationToken);
        Assert.NotNull(frozen.Snapshot);
        byte[] read = new byte[2 << 20];
        await live.ReadAsync(read, 0, TestContext.Current.CancellationToken);
        await client.UploadPagesAsync(new MemoryStream(Enumerable.Repeat((byte)9, 4096).ToArray()), 0, cancellationToken: TestContext.Current.CancellationToken);

        long data = BlockMap.Of(live).First(static extent => extent.Kind == DiskExtentKind.Data).Offset;
        AzureDiskChangedException exception = await Assert.ThrowsAsync<AzureDiskChangedException>(() => live.ReadAsync(read.AsMemory(0, 512), data, TestContext.Current.CancellationToken).AsTask());
        Assert.Contains("snapshot", exception.Message, StringComparison.Ordinal);
        await frozen.ReadAsync(read, 0, TestContext.Current.CancellationToken);
        Assert.True(source.ToArray().AsSpan().SequenceEqual(read));
    }

    [Fact]
    public async Task ASignedAddress_OpensTheBlob_AndItsSecretIsInNoMessage()
    {
        using TestDisk source = TestDisk.Random(8, 1 << 20, 70_144, true);
        PageBlobClient client = await _place.UploadAsync(source);
        using (PageBlobDisk disk = await PageBlobDisk.OpenAsync(_place.Sign(client.Name, BlobSasPermissions.Read), PageBlobDiskOptions.Default, TestContext.Current.CancellationToken))
        {
            byte[] read = new byte[1 << 20];
            await disk.ReadAsync(read, 0, TestContext.Current.CancellationToken);
            Assert.True(source.ToArray().AsSpan().SequenceEqual(read));
            Assert.DoesNotContain("sig=", string.Join(' ', disk.Info.Details.Values), StringComparison.Ordinal);
        }

        Uri wrong = new(_place.Sign(client.Name, BlobSasPermissions.Read).ToString().Replace("&sp=r", "&sp=rw", StringComparison.Ordinal));
        AzureDiskAccessException exception = await Assert.ThrowsAsync<AzureDiskAccessException>(() => PageBlobDisk.OpenAsync(PageBlobClients.FromUri(wrong, PageBlobPlace.FewRetries), PageBlobDiskOptions.Default, TestContext.Current.CancellationToken));
        Assert.DoesNotContain("sig=", exception.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(new BlobUriBuilder(wrong).Sas.Signature, exception.ToString(), StringComparison.Ordinal);
        Assert.Equal(403, exception.StatusCode);
    }

    [Fact]
    public async Task ABlobClient_OpensThePageBlob_AndItsSnapshot()
    {
        using TestDisk source = TestDisk.Random(9, 1 << 20, 70_144, true);
        PageBlobClient pages = await _place.UploadAsync(source);
        BlobSnapshotInfo snapshot = await pages.CreateSnapshotAsync(cancellationToken: TestContext.Current.CancellationToken);
        BlobClient client = _place.AnyClient(pages.Name);
        using PageBlobDisk disk = await PageBlobDisk.OpenAsync(client, PageBlobDiskOptions.Default, TestContext.Current.CancellationToken);
        using PageBlobDisk frozen = await PageBlobDisk.OpenAsync(client.WithSnapshot(snapshot.Snapshot), PageBlobDiskOptions.Default, TestContext.Current.CancellationToken);
        Assert.Null(disk.Snapshot);
        Assert.Equal(snapshot.Snapshot, frozen.Snapshot);
        Assert.True((await DiskComparer.CompareAsync(disk, frozen, DiskCompareOptions.Default, null, TestContext.Current.CancellationToken)).AreEqual);
    }

    [Fact]
    public async Task WhatIsNoPageBlob_OrIsNotThere_IsSaid()
    {
        BlobClient block = new(_place.Sign("text.vhd", BlobSasPermissions.Read | BlobSasPermissions.Write | BlobSasPermissions.Create));
        await block.UploadAsync(BinaryData.FromString("no pages"), TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<AzureDiskStateException>(() => PageBlobDisk.OpenAsync(_place.Client("text.vhd"), PageBlobDiskOptions.Default, TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<AzureDiskNotFoundException>(() => PageBlobDisk.OpenAsync(_place.Client("missing.vhd"), PageBlobDiskOptions.Default, TestContext.Current.CancellationToken));
        Assert.Throws<ArgumentException>(() => PageBlobClients.FromUri(new Uri("https://account.blob.core.windows.net/container"), PageBlobClientOptions.Default));
    }

    [Fact]
    public async Task Faults_OnTheWay_EndInTheContent_OrInAClearError()
    {
        TestServer server = await azurite.GetAsync();
        using TestDisk source = TestDisk.Random(10, 12 << 20, 300_032, true);
        PageBlobClient direct = await _place.UploadAsync(source);
        await using FaultProxy proxy = new(server.Port);
        int seed = Environment.TickCount;
        proxy.Choose = FaultProxy.Seeded(seed, 0.3, ProxyFault.ResetBeforeRequest, ProxyFault.ResetWithinResponse, ProxyFault.TruncateResponse, ProxyFault.LoseResponse, ProxyFault.Unavailable);
        PageBlobClient client = _place.Client(direct.Name, new PageBlobClientOptions { MaxRetries = 10, RetryDelay = TimeSpan.FromMilliseconds(5), MaxRetryDelay = TimeSpan.FromMilliseconds(20) }, proxy.Port);
        using PageBlobDisk disk = await PageBlobDisk.OpenAsync(client, PageBlobDiskOptions.Default, TestContext.Current.CancellationToken);
        byte[] read = new byte[300_000];
        byte[] content = source.ToArray();
        for (int offset = 0; offset < content.Length; offset += read.Length)
        {
            int count = await disk.ReadAsync(read, offset, TestContext.Current.CancellationToken);
            Assert.True(content.AsSpan(offset, count).SequenceEqual(read.AsSpan(0, count)), $"seed {seed}, at {offset}");
        }

        proxy.Choose = static request => request.Method == "GET" ? ProxyFault.CorruptResponse : ProxyFault.None;
        long data = disk.GetExtents(0, disk.Length).First(static extent => extent.Kind == DiskExtentKind.Data).Offset;
        AzureDiskException exception = await Assert.ThrowsAsync<AzureDiskException>(() => disk.ReadAsync(read.AsMemory(0, 4096), data, TestContext.Current.CancellationToken).AsTask());
        Assert.True(exception.IsTransient);
        Assert.Contains("checksum", exception.Message, StringComparison.Ordinal);

        proxy.Choose = static _ => ProxyFault.Unavailable;
        proxy.UnavailableHeaders = "x-ms-error-code: ServerBusy\r\n";
        client = _place.Client(direct.Name, PageBlobPlace.FewRetries, proxy.Port);
        long begun = Stopwatch.GetTimestamp();
        await Assert.ThrowsAsync<AzureDiskThrottledException>(() => PageBlobDisk.OpenAsync(client, PageBlobDiskOptions.Default, TestContext.Current.CancellationToken));
        Assert.True(Stopwatch.GetElapsedTime(begun) < TimeSpan.FromSeconds(5));
    }
}
