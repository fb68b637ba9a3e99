using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Aws.Ebs;
using CloudImage.Sdk.Aws.Tests.Fakes;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Aws.Tests.Ebs;

/// <summary>A disk into EBS, its snapshots into a repository, and back into EBS.</summary>
public sealed class EbsRoundTripTests
{
    private const int Block = EbsConstants.BlockSize;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task DiskToEbsToRepositoryToEbs_IsEqual_AndIncrementsReadOnlyWhatChanged()
    {
        await using EbsFake fake = await EbsFake.StartAsync();
        using EbsDirectClient client = EbsClients.For(fake);
        EbsSnapshotWriterOptions full = new() { CompletionPollInterval = TimeSpan.FromMilliseconds(10) };
        using TestDisk older = TestDisk.Random(1, 40 << 20, 300_000, false);
        byte[] content = older.ToArray();
        content.AsSpan(3 * Block, 1000).Fill(7);
        content.AsSpan(20 * Block, 2 * Block).Clear();
        new Random(2).NextBytes(content.AsSpan(33 * Block, Block));
        using TestDisk newer = new(content);

        // Up: a full snapshot, then what changed.
        BlockMap changes = new([new DiskExtent(3 * Block, 1000, DiskExtentKind.Data), new DiskExtent(20 * Block, 2 * Block, DiskExtentKind.Zero), new DiskExtent(33 * Block, Block, DiskExtentKind.Data)]);
        string first = await UploadAsync(older, client, full);
        string second;
        await using (EbsSnapshotWriter writer = await EbsSnapshotWriter.CreateAsync(client, newer.Length, new EbsSnapshotWriterOptions { ParentSnapshotId = first, CompletionPollInterval = full.CompletionPollInterval }, Token))
        {
            await writer.WriteChangesAsync(newer, changes, DiskCopyOptions.Default, null, Token);
            await writer.CompleteAsync(Token);
            second = writer.SnapshotId;
        }

        // Down: the first is read whole, of the second only what the service lists as changed.
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), new SnapshotRepositoryOptions(), Token);
        string firstCapture;
        await using (EbsSnapshotDisk disk = await EbsSnapshotDisk.OpenAsync(client, first, EbsSnapshotDiskOptions.Default, Token))
        {
            firstCapture = (await repository.CaptureAsync(disk, new CaptureOptions { Image = "volume" }, null, Token)).Id;
        }

        BlockMap listed = await EbsSnapshotDisk.GetChangesAsync(client, first, second, Token);
        long changedBlocks = listed.DataLength / Block;
        long gets = client.RequestCounts.GetSnapshotBlock;
        string secondCapture;
        await using (EbsSnapshotDisk disk = await EbsSnapshotDisk.OpenAsync(client, second, EbsSnapshotDiskOptions.Default, Token))
        {
            CaptureResult capture = await repository.CaptureAsync(disk, new CaptureOptions { Image = "volume", ChangeMap = listed }, null, Token);
            secondCapture = capture.Id;
            Assert.True(capture.ReadBytes <= 4 * Block, $"{capture.ReadBytes} bytes read");
        }

        Assert.InRange(changedBlocks, 2, 4);
        Assert.InRange(client.RequestCounts.GetSnapshotBlock - gets, 2, changedBlocks);

        // Up again from the repository: whole, and as the difference of two of its snapshots.
        string whole;
        await using (SnapshotDisk disk = await repository.OpenDiskAsync(secondCapture, Token))
        {
            whole = await UploadAsync(disk, client, full);
        }

        string again;
        BlockMap difference = await repository.DiffAsync(firstCapture, secondCapture, Token);
        await using (SnapshotDisk disk = await repository.OpenDiskAsync(secondCapture, Token))
        await using (EbsSnapshotWriter writer = await EbsSnapshotWriter.CreateAsync(client, disk.Length, new EbsSnapshotWriterOptions { ParentSnapshotId = first, CompletionPollInterval = full.CompletionPollInterval }, Token))
        {
            await writer.WriteChangesAsync(disk, difference, DiskCopyOptions.Default, null, Token);
            await writer.CompleteAsync(Token);
            again = writer.SnapshotId;
            Assert.InRange(writer.SentBlockCount, 2, 4);
        }

        foreach (string id in new[] { second, whole, again })
        {
            Assert.True(content.AsSpan().SequenceEqual(fake.Read(id, content.Length)), id);
        }

        Assert.True(older.ToArray().AsSpan().SequenceEqual(fake.Read(first, content.Length)));
    }

    [Fact]
    public async Task RoundTrip_ThroughFaultsOfEveryKind_Completes()
    {
        // One call in nine fails, each time in another way.
        EbsFakeFault[] faults = [EbsFakeFault.InternalError, EbsFakeFault.Reset, EbsFakeFault.ResetMidBody, EbsFakeFault.Truncated, EbsFakeFault.WrongChecksum, EbsFakeFault.Throttled, EbsFakeFault.InternalErrorAfterwards, EbsFakeFault.WrongEcho];
        await using EbsFake fake = await EbsFake.StartAsync(new EbsFakeOptions
        {
            Fault = (_, number) => number % 9 == 2 ? faults[number / 9 % faults.Length] : EbsFakeFault.None,
        });
        using EbsDirectClient client = EbsClients.For(fake);
        using TestDisk source = TestDisk.Random(5, 60 << 20, 200_000, false);
        string id = await UploadAsync(source, client, new EbsSnapshotWriterOptions { CompletionPollInterval = TimeSpan.FromMilliseconds(10) });
        Assert.True(source.ToArray().AsSpan().SequenceEqual(fake.Read(id, (int)source.Length)));
        await using EbsSnapshotDisk disk = await EbsSnapshotDisk.OpenAsync(client, id, new EbsSnapshotDiskOptions { Length = source.Length }, Token);
        DiskComparison comparison = await DiskComparer.CompareAsync(source, disk, DiskCompareOptions.Default, null, Token);
        Assert.True(comparison.AreEqual);
        Assert.True(client.RequestCounts.Retries >= 10, $"{client.RequestCounts.Retries} retries");
    }

    private static async Task<string> UploadAsync(VirtualDisk disk, EbsDirectClient client, EbsSnapshotWriterOptions options)
    {
        await using EbsSnapshotWriter writer = await EbsSnapshotWriter.CreateAsync(client, disk.Length, options, Token);
        await disk.CopyToAsync(writer, DiskCopyOptions.Default, null, Token);
        await writer.CompleteAsync(Token);
        return writer.SnapshotId;
    }
}
