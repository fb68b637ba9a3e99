using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Azure;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using CloudImage.Sdk.Azure.Disks;
using CloudImage.Sdk.Azure.Tests.Fakes;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Azure.Tests.Disks;

/// <summary>What the emulator lacks: differences, lists in pages, lists that run out of time, checksums of writes, limits.</summary>
public sealed class PageBlobFakeTests
{
    [Fact]
    public async Task Changes_OfTwoSnapshots_AreWhatWasWrittenAndCleared_HoweverTheListIsCut()
    {
        for (int seed = 0; seed < 6; seed++)
        {
            await using AzureFake fake = await AzureFake.StartAsync(new AzureFakeOptions
            {
                MaxRangesPerAnswer = seed % 2 == 0 ? 3 : 10_000, MaxRangesPerWindow = seed < 3 ? int.MaxValue : 20,
            });
            PageBlobPlace place = await PageBlobPlace.NewAsync(fake);
            using TestDisk old = TestDisk.Random(seed, 40 << 20, 512 * 300, true);
            PageBlobClient client = await place.UploadAsync(old);
            BlobSnapshotInfo first = await client.CreateSnapshotAsync(cancellationToken: TestContext.Current.CancellationToken);
            byte[] before = old.ToArray();
            byte[] after = old.ToArray();
            bool[] written = new bool[before.Length / 512];
            Random random = new(seed);
            for (int change = 0; change < 40; change++)
            {
                int offset = random.Next(before.Length / 512) * 512;
                int length = Math.Min(512 * (1 + random.Next(200)), before.Length - offset);
                bool isClear = random.Next(2) == 0;
                byte[] piece = new byte[length];
                if (isClear)
                {
                    await client.ClearPagesAsync(new HttpRange(offset, length), cancellationToken: TestContext.Current.CancellationToken);
                }
                else
                {
                    random.NextBytes(piece);
                    await client.UploadPagesAsync(new MemoryStream(piece), offset, cancellationToken: TestContext.Current.CancellationToken);
                }

                piece.CopyTo(after, offset);
                written.AsSpan(offset / 512, length / 512).Fill(true);
            }

            BlobSnapshotInfo second = await client.CreateSnapshotAsync(cancellationToken: TestContext.Current.CancellationToken);
            BlockMap changes = await PageBlobDisk.GetChangesAsync(client.WithSnapshot(second.Snapshot), first.Snapshot, TestContext.Current.CancellationToken);
            byte[] rebuilt = [.. before];
            using PageBlobDisk newer = await PageBlobDisk.OpenAsync(client.WithSnapshot(second.Snapshot), PageBlobDiskOptions.Default, TestContext.Current.CancellationToken);
            foreach (DiskExtent change in changes)
            {
                if (change.Kind == DiskExtentKind.Zero)
                {
                    rebuilt.AsSpan((int)change.Offset, (int)change.Length).Clear();
                }
                else
                {
                    await newer.ReadAsync(rebuilt.AsMemory((int)change.Offset, (int)change.Length), change.Offset, TestContext.Current.CancellationToken);
                }

                Assert.All(Enumerable.Range((int)(change.Offset / 512), (int)(change.Length / 512)), page => Assert.True(written[page], $"seed {seed}: page {page} was not written."));
            }

            Assert.True(after.AsSpan().SequenceEqual(rebuilt), $"seed {seed}");
            Assert.Contains(changes, static change => change.Kind == DiskExtentKind.Zero);
            Assert.Contains(changes, static change => change.Kind == DiskExtentKind.Data);
        }
    }

    [Fact]
    public async Task Changes_OfABlobThatWasMadeAnew_AreNone_AndThisIsSaid()
    {
        await using AzureFake fake = await AzureFake.StartAsync();
        PageBlobPlace place = await PageBlobPlace.NewAsync(fake);
        PageBlobClient client = place.Client(PageBlobPlace.NewName());
        await client.CreateAsync(1 << 20, cancellationToken: TestContext.Current.CancellationToken);
        BlobSnapshotInfo snapshot = await client.CreateSnapshotAsync(cancellationToken: TestContext.Current.CancellationToken);
        await client.CreateAsync(1 << 20, cancellationToken: TestContext.Current.CancellationToken);
        AzureDiskChangedException exception = await Assert.ThrowsAsync<AzureDiskChangedException>(() => PageBlobDisk.GetChangesAsync(client, snapshot.Snapshot, TestContext.Current.CancellationToken));
        Assert.Equal("BlobOverwritten", exception.Code);
    }

    [Theory]
    [InlineData(5, int.MaxValue)]
    [InlineData(10_000, 9)]
    [InlineData(4, 9)]
    public async Task AFragmentedBlob_IsListedInPieces_AndReadsRight(int rangesPerAnswer, int rangesPerWindow)
    {
        await using AzureFake fake = await AzureFake.StartAsync(new AzureFakeOptions { MaxRangesPerAnswer = rangesPerAnswer, MaxRangesPerWindow = rangesPerWindow });
        PageBlobPlace place = await PageBlobPlace.NewAsync(fake);
        using TestDisk source = TestDisk.Random(3, 96 << 20, 512 * 1000, true);
        PageBlobClient client = await place.UploadAsync(source);
        using PageBlobDisk disk = await PageBlobDisk.OpenAsync(client, new PageBlobDiskOptions { MaxCachedRangeLists = 3 }, TestContext.Current.CancellationToken);
        Assert.True((await DiskComparer.CompareAsync(source, disk, DiskCompareOptions.Default, null, TestContext.Current.CancellationToken)).AreEqual);
        long data = 0;
        await foreach (DiskExtent extent in disk.GetExtentsAsync(0, disk.Length, TestContext.Current.CancellationToken))
        {
            data += extent.Kind == DiskExtentKind.Data ? extent.Length : 0;
        }

        Assert.Equal(BlockMap.Of(source).DataLength, data);
        Assert.True(fake.Count("comp=pagelist") >= 3);
    }

    [Fact]
    public async Task AListThatNeverAnswersInTime_EndsInAnError()
    {
        await using AzureFake fake = await AzureFake.StartAsync(new AzureFakeOptions { MaxRangesPerWindow = 0 });
        PageBlobPlace place = await PageBlobPlace.NewAsync(fake);
        PageBlobClient client = await place.UploadAsync(new TestDisk([.. Enumerable.Repeat((byte)1, 32 << 20)]));
        using PageBlobDisk disk = await PageBlobDisk.OpenAsync(client, PageBlobDiskOptions.Default, TestContext.Current.CancellationToken);
        AzureDiskThrottledException exception = await Assert.ThrowsAsync<AzureDiskThrottledException>(() => disk.ReadAsync(new byte[1], 0, TestContext.Current.CancellationToken).AsTask());
        Assert.True(exception.IsTransient);
        Assert.InRange(fake.Count("comp=pagelist"), 3, 12);
    }

    [Fact]
    public async Task ABusyService_IsWaitedFor_AsLongAsItAsks()
    {
        await using AzureFake fake = await AzureFake.StartAsync();
        PageBlobPlace place = await PageBlobPlace.NewAsync(fake);
        string name = PageBlobPlace.NewName();
        await using PageBlobWriter writer = await PageBlobWriter.CreateAsync(place.Client(name), 8 << 20, PageBlobWriterOptions.Default, TestContext.Current.CancellationToken);
        int faults = 0;
        fake.Interceptor = line =>
        {
            int number = line.Contains("comp=page", StringComparison.Ordinal) ? Interlocked.Increment(ref faults) : 0;
            if (number == 1)
            {
                throw new FakeAnswerException(503, "ServerBusy", "The server is busy.") { RetryAfterInSeconds = 1 };
            }

            if (number == 2)
            {
                throw new FakeAnswerException(500, "OperationTimedOut", "Operation could not be completed within the permitted time.");
            }
        };
        byte[] content = new byte[8 << 20];
        new Random(1).NextBytes(content);
        long begun = Stopwatch.GetTimestamp();
        await writer.WriteAsync(content, 0, TestContext.Current.CancellationToken);
        Assert.True(Stopwatch.GetElapsedTime(begun) >= TimeSpan.FromSeconds(0.9), "The service asked for a second.");
        await writer.CompleteAsync(TestContext.Current.CancellationToken);
        Assert.True(content.AsSpan().SequenceEqual(fake.Blob($"{place.Container}/{name}").Read(0, content.Length)));

        fake.Interceptor = static line =>
        {
            if (line.Contains("comp=page", StringComparison.Ordinal))
            {
                throw new FakeAnswerException(500, "OperationTimedOut", "Operation could not be completed within the permitted time.");
            }
        };
        await using PageBlobWriter never = await PageBlobWriter.CreateAsync(place.Client(PageBlobPlace.NewName()), 8 << 20, PageBlobWriterOptions.Default, TestContext.Current.CancellationToken);
        AzureDiskThrottledException exception = await Assert.ThrowsAsync<AzureDiskThrottledException>(() => never.WriteAsync(content.AsMemory(0, 512), 0, TestContext.Current.CancellationToken).AsTask());
        Assert.Equal("OperationTimedOut", exception.Code);
    }

    [Fact]
    public async Task BytesThatChangeOnTheWay_AreNotStored()
    {
        await using AzureFake fake = await AzureFake.StartAsync();
        PageBlobPlace place = await PageBlobPlace.NewAsync(fake);
        await using FaultProxy proxy = new(fake.Port) { Choose = static request => request.Method == "PUT" && request.ContentLength > 0 ? ProxyFault.CorruptRequest : ProxyFault.None };
        string name = PageBlobPlace.NewName();
        PageBlobClient client = place.Client(name, port: proxy.Port);
        await using PageBlobWriter writer = await PageBlobWriter.CreateAsync(client, 1 << 20, PageBlobWriterOptions.Default, TestContext.Current.CancellationToken);
        AzureDiskException exception = await Assert.ThrowsAsync<AzureDiskException>(() => writer.WriteAsync(Enumerable.Repeat((byte)5, 4096).ToArray(), 0, TestContext.Current.CancellationToken).AsTask());
        Assert.Equal("Md5Mismatch", exception.Code);
        Assert.True(exception.IsTransient);
        Assert.Equal(0, fake.Blob($"{place.Container}/{name}").PageCount);
    }

    [Fact]
    public async Task AConnectionString_NamesTheBlob()
    {
        await using AzureFake fake = await AzureFake.StartAsync();
        PageBlobPlace place = await PageBlobPlace.NewAsync(fake);
        PageBlobClient client = PageBlobClients.FromConnectionString(fake.ConnectionString, place.Container, "a folder/disk 1.vhd", PageBlobPlace.FewRetries);
        using TestDisk source = TestDisk.Random(4, 9 << 20, 70_144, false);
        await using (PageBlobWriter writer = await PageBlobWriter.CreateAsync(client, source.Length, PageBlobWriterOptions.Default, TestContext.Current.CancellationToken))
        {
            await source.CopyToAsync(writer, DiskCopyOptions.Default, null, TestContext.Current.CancellationToken);
            await writer.CompleteAsync(TestContext.Current.CancellationToken);
        }

        Assert.True(source.ToArray().AsSpan().SequenceEqual(fake.Blob($"{place.Container}/a folder/disk 1.vhd").Read(0, source.Length)));
    }
}
