using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Azure;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using CloudImage.Sdk.Azure.Disks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Azure.Tests.Disks;

public sealed class PageBlobWriterTests(AzuriteServer azurite) : IAsyncLifetime
{
    private PageBlobPlace _place = null!;

    public async ValueTask InitializeAsync() => _place = await PageBlobPlace.NewAsync(await azurite.GetAsync());

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task ACopy_ToAVhd_OpensAsTheDisk_WithItsHoles()
    {
        using TestDisk source = TestDisk.Random(1, 30 << 20, 700_416, false);
        string name = PageBlobPlace.NewName();
        await using (PageBlobWriter writer = await PageBlobWriter.CreateAsync(_place.Client(name), source.Length, new PageBlobWriterOptions { Metadata = new Dictionary<string, string> { ["origin"] = "tests" } }, TestContext.Current.CancellationToken))
        {
            await source.CopyToAsync(writer, DiskCopyOptions.Default, null, TestContext.Current.CancellationToken);
            await writer.CompleteAsync(TestContext.Current.CancellationToken);
            Assert.True(writer.SentByteCount < source.Length, $"{writer.SentByteCount} bytes were sent.");
        }

        BlobProperties properties = await _place.Client(name).GetPropertiesAsync(cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal("tests", properties.Metadata["origin"]);
        Assert.True(PageBlobMarker.Read(properties.Metadata)!.IsComplete);
        PageBlobDisk container = await PageBlobDisk.OpenAsync(_place.Client(name), PageBlobDiskOptions.Default, TestContext.Current.CancellationToken);
        using VirtualDisk disk = await DiskImage.OpenAsync(container, DiskOpenOptions.Default, TestContext.Current.CancellationToken);
        Assert.Equal("vhd", disk.Info.FormatName);
        Assert.True((await DiskComparer.CompareAsync(source, disk, DiskCompareOptions.Default, null, TestContext.Current.CancellationToken)).AreEqual);
        List<DiskExtent> extents = [];
        await foreach (DiskExtent extent in disk.GetExtentsAsync(0, disk.Length, TestContext.Current.CancellationToken))
        {
            extents.Add(extent);
        }

        Assert.Contains(extents, static extent => extent.Kind == DiskExtentKind.Zero);
    }

    [Fact]
    public async Task ABlobThatExists_IsNeverOverwritten()
    {
        string name = PageBlobPlace.NewName();
        await WriteAsync(name, new byte[1 << 20], PageBlobWriterOptions.Default);
        AzureDiskStateException exception = await Assert.ThrowsAsync<AzureDiskStateException>(() => WriteAsync(name, new byte[1 << 20], PageBlobWriterOptions.Default));
        Assert.Contains("exists already", exception.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ArgumentException>(() => PageBlobWriter.CreateAsync(_place.Client("disk.raw"), 512, PageBlobWriterOptions.Default, TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => PageBlobWriter.CreateAsync(_place.Client(name), 8L << 40, PageBlobWriterOptions.Default, TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Dispose_WithoutComplete_DeletesTheBlob(bool isAsync)
    {
        string name = PageBlobPlace.NewName();
        PageBlobWriter writer = await PageBlobWriter.CreateAsync(_place.Client(name), 1 << 20, PageBlobWriterOptions.Default, TestContext.Current.CancellationToken);
        await writer.WriteAsync(Filled(4096, 1), 0, TestContext.Current.CancellationToken);
        Assert.True(await _place.Client(name).ExistsAsync(TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<AzureDiskStateException>(() => PageBlobDisk.OpenAsync(_place.Client(name), PageBlobDiskOptions.Default, TestContext.Current.CancellationToken));
        if (isAsync)
        {
            await writer.DisposeAsync();
        }
        else
        {
            await Task.Run(writer.Dispose, TestContext.Current.CancellationToken);
        }

        Assert.False(await _place.Client(name).ExistsAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(PageBlobResume.Verify)]
    [InlineData(PageBlobResume.Trust)]
    public async Task AnUploadThatBrokeOff_GoesOn_AndSendsTheRestAlone(PageBlobResume resume)
    {
        using TestDisk source = TestDisk.Random(2, 24 << 20, 900_096, true);
        byte[] content = source.ToArray();
        string name = PageBlobPlace.NewName();
        PageBlobWriterOptions options = new() { Resume = resume, ContentId = "disk 2, state 1" };
        long sent;
        await using (PageBlobWriter broken = await PageBlobWriter.CreateAsync(_place.Client(name), content.Length, options, TestContext.Current.CancellationToken))
        {
            await broken.WriteAsync(content.AsMemory(0, 12 << 20), 0, TestContext.Current.CancellationToken);
            sent = broken.SentByteCount;
        }

        await Assert.ThrowsAsync<AzureDiskStateException>(() => WriteAsync(name, content, PageBlobWriterOptions.Default));
        await Assert.ThrowsAsync<AzureDiskStateException>(() => WriteAsync(name, content, new PageBlobWriterOptions { Resume = resume, ContentId = "another" }));
        await Assert.ThrowsAsync<AzureDiskStateException>(() => WriteAsync(name, content[..(20 << 20)], options));
        await using PageBlobWriter writer = await PageBlobWriter.CreateAsync(_place.Client(name), content.Length, options, TestContext.Current.CancellationToken);
        Assert.True(writer.IsResumed);
        await source.CopyToAsync(writer, DiskCopyOptions.Default, null, TestContext.Current.CancellationToken);
        await writer.CompleteAsync(TestContext.Current.CancellationToken);
        Assert.Equal(sent, writer.KeptByteCount);
        AssertEqual(content, await _place.DownloadAsync(name), string.Empty);
    }

    [Fact]
    public async Task AnUploadThatGoesOn_WithOtherContent_HoldsThatContentAlone()
    {
        byte[] old = TestDisk.Random(3, 16 << 20, 300_032, true).ToArray();
        byte[] content = TestDisk.Random(4, 16 << 20, 300_032, true).ToArray();
        old.AsSpan(0, 3 << 20).CopyTo(content);
        string name = PageBlobPlace.NewName();
        PageBlobWriterOptions options = new() { Resume = PageBlobResume.Verify };
        await using (PageBlobWriter broken = await PageBlobWriter.CreateAsync(_place.Client(name), old.Length, options, TestContext.Current.CancellationToken))
        {
            await broken.WriteAsync(old, 0, TestContext.Current.CancellationToken);
        }

        await using PageBlobWriter writer = await PageBlobWriter.CreateAsync(_place.Client(name), old.Length, options, TestContext.Current.CancellationToken);
        // A part of a page, of which the earlier run had the rest; then most of the disk; the end is not written at all.
        await writer.WriteAsync(content.AsMemory(100, 50), 100, TestContext.Current.CancellationToken);
        await writer.WriteAsync(content.AsMemory(1024, 15 << 20), 1024, TestContext.Current.CancellationToken);
        await writer.CompleteAsync(TestContext.Current.CancellationToken);
        byte[] expected = new byte[content.Length];
        content.AsSpan(100, 50).CopyTo(expected.AsSpan(100));
        content.AsSpan(1024, 15 << 20).CopyTo(expected.AsSpan(1024));
        AssertEqual(expected, await _place.DownloadAsync(name), string.Empty);
        Assert.True(writer.KeptByteCount > 0);
    }

    [Fact]
    public async Task AWriter_WhoseBlobAnotherOneTookOver_DoesNotCompleteIt()
    {
        string name = PageBlobPlace.NewName();
        PageBlobWriterOptions options = new() { Resume = PageBlobResume.Verify };
        await using PageBlobWriter first = await PageBlobWriter.CreateAsync(_place.Client(name), 1 << 20, options, TestContext.Current.CancellationToken);
        await using PageBlobWriter second = await PageBlobWriter.CreateAsync(_place.Client(name), 1 << 20, options, TestContext.Current.CancellationToken);
        await second.WriteAsync(Filled(1 << 20, 2), 0, TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<AzureDiskChangedException>(() => first.WriteAsync(Filled(4096, 1), 0, TestContext.Current.CancellationToken).AsTask());
        await Assert.ThrowsAsync<AzureDiskChangedException>(() => first.CompleteAsync(TestContext.Current.CancellationToken).AsTask());
        await second.CompleteAsync(TestContext.Current.CancellationToken);
        AssertEqual(Filled(1 << 20, 2), await _place.DownloadAsync(name), string.Empty);
    }

    [Fact]
    public async Task Zeros_OverWhatWasWritten_ClearIt_AndTakeNoRoom()
    {
        string name = PageBlobPlace.NewName();
        await using (PageBlobWriter writer = await PageBlobWriter.CreateAsync(_place.Client(name), 8 << 20, new PageBlobWriterOptions { Layout = PageBlobLayout.Raw }, TestContext.Current.CancellationToken))
        {
            await writer.WriteAsync(Filled(8 << 20, 7), 0, TestContext.Current.CancellationToken);
            await writer.WriteZeroesAsync(1000, (6 << 20) - 1000, TestContext.Current.CancellationToken);
            await writer.WriteAsync(new byte[1 << 20], 7 << 20, TestContext.Current.CancellationToken);
            await writer.CompleteAsync(TestContext.Current.CancellationToken);
        }

        byte[] expected = Filled(8 << 20, 7);
        expected.AsSpan(1000, (6 << 20) - 1000).Clear();
        expected.AsSpan(7 << 20).Clear();
        AssertEqual(expected, await _place.DownloadAsync(name), string.Empty);
        using PageBlobDisk disk = await PageBlobDisk.OpenAsync(_place.Client(name), PageBlobDiskOptions.Default, TestContext.Current.CancellationToken);
        Assert.Equal((1 << 20) + 1024, await DataLengthAsync(disk));
    }

    [Fact]
    public async Task Faults_OnTheWay_EndInTheContent_OrInAClearError()
    {
        TestServer server = await azurite.GetAsync();
        int seed = Environment.TickCount;
        for (int round = 0; round < 4; round++)
        {
            using TestDisk source = TestDisk.Random(seed + round, 10 << 20, 70_144, true);
            await using FaultProxy proxy = new(server.Port)
            {
                Choose = FaultProxy.Seeded(seed + round, 0.2, ProxyFault.ResetBeforeRequest, ProxyFault.ResetWithinRequest, ProxyFault.LoseResponse, ProxyFault.Unavailable, ProxyFault.UnavailableAfterRequest),
            };
            string name = PageBlobPlace.NewName();
            PageBlobClient client = _place.Client(name, new PageBlobClientOptions { MaxRetries = 10, RetryDelay = TimeSpan.FromMilliseconds(5), MaxRetryDelay = TimeSpan.FromMilliseconds(20) }, proxy.Port);
            bool isComplete = false;
            PageBlobWriterOptions options = new() { Resume = PageBlobResume.Verify };
            for (int attempt = 0; !isComplete; attempt++)
            {
                try
                {
                    await using PageBlobWriter writer = await PageBlobWriter.CreateAsync(client, source.Length, options, TestContext.Current.CancellationToken);
                    await source.CopyToAsync(writer, DiskCopyOptions.Default, null, TestContext.Current.CancellationToken);
                    await writer.CompleteAsync(TestContext.Current.CancellationToken);
                    isComplete = true;
                }
                catch (AzureDiskException exception) when (attempt < 20)
                {
                    Assert.True(exception.IsTransient, $"seed {seed + round}: {exception}");
                }
            }

            AssertEqual(source.ToArray(), await _place.DownloadAsync(name), $"seed {seed + round}");
        }
    }

    private static void AssertEqual(byte[] content, byte[] blob, string what)
    {
        int same = blob.AsSpan().CommonPrefixLength(content);
        Assert.True(same == content.Length, $"The blob differs at {same} of {content.Length}. {what}");
    }

    private static byte[] Filled(int length, byte value) => Enumerable.Repeat(value, length).ToArray();

    private static async Task<long> DataLengthAsync(PageBlobDisk disk)
    {
        long length = 0;
        await foreach (DiskExtent extent in disk.GetExtentsAsync(0, disk.Length))
        {
            length += extent.Kind == DiskExtentKind.Data ? extent.Length : 0;
        }

        return length;
    }

    private async Task WriteAsync(string name, byte[] content, PageBlobWriterOptions options)
    {
        await using PageBlobWriter writer = await PageBlobWriter.CreateAsync(_place.Client(name), content.Length, options);
        await writer.WriteAsync(content, 0);
        await writer.CompleteAsync();
    }
}
