using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Aws.Ebs;
using CloudImage.Sdk.Aws.Tests.Fakes;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Aws.Tests.Ebs;

/// <summary>What <see cref="DiskWriterConformance"/> asks of a format's writer, asked of this one, and what is EBS's own.</summary>
public sealed class EbsSnapshotWriterTests : IAsyncLifetime
{
    private const int Block = EbsConstants.BlockSize;
    private static readonly int[] s_lengths = [512, 65536, 3 << 20, (5 << 20) + 512];
    private static readonly EbsSnapshotWriterOptions s_quick = new() { CompletionPollInterval = TimeSpan.FromMilliseconds(10) };
    private EbsFake _fake = null!;
    private EbsDirectClient _client = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _fake = await EbsFake.StartAsync(new EbsFakeOptions { ListsPerSecond = 1000 });
        _client = EbsClients.For(_fake, listQuota: 1000, snapshotQuota: 10);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _fake.DisposeAsync();
    }

    [Fact]
    public void Complete_WithoutAWrite_ReadsAsZeros()
    {
        using EbsSnapshotWriter writer = Create(512, s_quick);
        Assert.Equal(1L << 30, writer.Length);
        Assert.Equal(Block, writer.PreferredBlockSize);
        writer.Complete();
        Assert.True(_fake[writer.SnapshotId].IsCompleted);
        Assert.Empty(_fake[writer.SnapshotId].Indexes);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Copy_OfDisksOfAllKinds_ReadsBack(bool isLocal)
    {
        for (int seed = 0; seed < 8; seed++)
        {
            using TestDisk source = TestDisk.Random(seed, s_lengths[seed % 4], seed % 2 == 0 ? 4096 : 70_144, isLocal);
            await using EbsSnapshotWriter writer = Create(source.Length, s_quick);
            DiskCopyOptions options = new() { WorkerCount = 1 + (seed % 4) };
            if (isLocal)
            {
                await Task.Run(() => source.CopyTo(writer, options, null), Token);
                await Task.Run(writer.Complete, Token);
            }
            else
            {
                await source.CopyToAsync(writer, options, null, Token);
                await writer.CompleteAsync(Token);
            }

            AssertReads(writer.SnapshotId, source.ToArray(), $"seed {seed}");
        }
    }

    [Fact]
    public async Task Write_WholeBlocks_SendsOnlyThoseThatHoldAnything()
    {
        byte[] content = new byte[40 * Block];
        Random random = new(5);
        await using EbsSnapshotWriter writer = Create(content.Length, s_quick);
        int sent = 0;
        for (int block = 0; block < 40; block += 4)
        {
            Span<byte> four = content.AsSpan(block * Block, 4 * Block);
            for (int index = 0; index < 4; index++)
            {
                if (random.Next(3) > 0)
                {
                    random.NextBytes(four.Slice(index * Block, Block));
                    sent++;
                }
            }

            await writer.WriteAsync(content.AsMemory(block * Block, 4 * Block), (long)block * Block, Token);
        }

        await writer.CompleteAsync(Token);
        AssertReads(writer.SnapshotId, content);
        Assert.Equal(sent, _fake[writer.SnapshotId].Written.Count);
        Assert.Equal(sent, writer.SentBlockCount);
    }

    [Theory]
    [InlineData(64)]
    [InlineData(2)]
    public async Task Write_SmallPiecesInAnyOrder_ReadsBack(int maxPartialBlocks)
    {
        byte[] content = new byte[(5 << 20) + 512];
        await using EbsSnapshotWriter writer = Create(content.Length, new EbsSnapshotWriterOptions { CompletionPollInterval = s_quick.CompletionPollInterval, MaxPartialBlocks = maxPartialBlocks });
        Random random = new(6);
        int[] pieces = [.. Enumerable.Range(0, content.Length / 512).Where(_ => random.Next(3) == 0)];
        random.Shuffle(pieces);
        foreach (int piece in pieces.Take(maxPartialBlocks == 2 ? 400 : int.MaxValue))
        {
            random.NextBytes(content.AsSpan(piece * 512, 512));
            await writer.WriteAsync(content.AsMemory(piece * 512, 512), piece * 512L, Token);
        }

        await writer.CompleteAsync(Token);
        AssertReads(writer.SnapshotId, content);
        Assert.Equal(writer.SentBlockCount, _client.RequestCounts.PutSnapshotBlock);
    }

    [Fact]
    public async Task Write_APartOfABlockThatWasSent_SaysWhatToDo()
    {
        await using EbsSnapshotWriter writer = Create(Block, s_quick);
        await writer.WriteAsync(Filled(1), 0, Token);
        InvalidOperationException thrown = await Assert.ThrowsAsync<InvalidOperationException>(async () => await writer.WriteAsync(new byte[512], 0, Token));
        Assert.Contains("whole blocks", thrown.Message, StringComparison.Ordinal);
        await writer.WriteAsync(Filled(2), 0, Token);
        await writer.WriteZeroesAsync(0, Block, Token);
        byte[] part = [1, 2, 3];
        await writer.WriteAsync(part, 7, Token);
        await writer.CompleteAsync(Token);
        byte[] expected = new byte[Block];
        part.CopyTo(expected, 7);
        AssertReads(writer.SnapshotId, expected);
    }

    [Fact]
    public void Write_OutsideTheDisk_Throws()
    {
        using EbsSnapshotWriter writer = Create(1, s_quick);
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Write(new byte[1], writer.Length));
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Write(new byte[1], -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.WriteZeroes(writer.Length, 1));
        writer.Complete();
        Assert.Throws<InvalidOperationException>(() => writer.Write(new byte[1], 0));
        Assert.Throws<InvalidOperationException>(writer.Complete);
    }

    [Fact]
    public async Task Dispose_WithoutComplete_LeavesNothingThatCanBeRead()
    {
        EbsSnapshotWriter writer = Create(Block, s_quick);
        await writer.WriteAsync(Filled(1), 0, Token);
        await writer.DisposeAsync();
        Assert.False(_fake[writer.SnapshotId].IsSealed);
        await Assert.ThrowsAnyAsync<EbsException>(() => EbsSnapshotDisk.OpenAsync(_client, writer.SnapshotId, EbsSnapshotDiskOptions.Default, Token));
    }

    [Fact]
    public async Task AnIncrement_WritesOnlyWhatDiffers_AndZerosWhereTheParentHasData()
    {
        byte[] older = Content(12, 1, static block => block is not (3 or 7));
        string parentId = await UploadAsync(older, s_quick);
        byte[] newer = [.. older];
        newer.AsSpan(Block, 100).Fill(9);
        newer.AsSpan(5 * Block, Block).Clear();
        newer.AsSpan(7 * Block, Block).Fill(4);
        await using EbsSnapshotWriter writer = Create(newer.Length, new EbsSnapshotWriterOptions { ParentSnapshotId = parentId, CompletionPollInterval = s_quick.CompletionPollInterval });
        using TestDisk source = new(newer);
        await source.CopyToAsync(writer, new DiskCopyOptions { Parent = writer.Parent!.Slice(0, newer.Length) }, null, Token);
        await writer.WriteZeroesAsync(3 * Block, Block, Token);
        await writer.CompleteAsync(Token);
        AssertReads(writer.SnapshotId, newer);
        Assert.Equal([1, 5, 7], _fake[writer.SnapshotId].Written.Order());
    }

    [Fact]
    public async Task AnIncrement_WrittenInParts_KeepsTheParentsBytesBetween()
    {
        byte[] older = Content(4, 2, static _ => true);
        string parentId = await UploadAsync(older, s_quick);
        byte[] newer = [.. older];
        newer.AsSpan(100, 50).Clear();
        newer.AsSpan(Block - 10, 20).Fill(7);
        await using EbsSnapshotWriter writer = Create((2L << 30) - 5, new EbsSnapshotWriterOptions { ParentSnapshotId = parentId, CompletionPollInterval = s_quick.CompletionPollInterval });
        await writer.WriteZeroesAsync(100, 50, Token);
        await writer.WriteAsync(newer.AsMemory(Block - 10, 20), Block - 10, Token);
        await writer.WriteAsync(newer.AsMemory(3 * Block, 77), 3 * Block, Token);
        await writer.WriteAsync(new byte[] { 5 }, (1L << 30) + 3, Token);
        await writer.CompleteAsync(Token);
        AssertReads(writer.SnapshotId, newer);

        // The third part held what the parent has, so that its block was not sent.
        Assert.Equal([0, 1, 2048], _fake[writer.SnapshotId].Written.Order());
        Assert.Equal(2, _fake[writer.SnapshotId].VolumeSize);
    }

    [Fact]
    public async Task WriteChanges_ReadsAndSendsTheChangedBlocksAlone()
    {
        byte[] older = Content(20, 3, static block => block != 11);
        string parentId = await UploadAsync(older, s_quick);
        byte[] newer = [.. older];
        newer.AsSpan((2 * Block) + 5, 10).Fill(1);
        newer.AsSpan(8 * Block, 2 * Block).Clear();
        BlockMap changes = new([new DiskExtent((2 * Block) + 5, 10, DiskExtentKind.Data), new DiskExtent(8 * Block, 2 * Block, DiskExtentKind.Zero), new DiskExtent(11 * Block, 5, DiskExtentKind.Data)]);
        await using EbsSnapshotWriter writer = Create(newer.Length, new EbsSnapshotWriterOptions { ParentSnapshotId = parentId, CompletionPollInterval = s_quick.CompletionPollInterval });
        long gets = _client.RequestCounts.GetSnapshotBlock;
        using TestDisk source = new(newer);
        await writer.WriteChangesAsync(source, changes, DiskCopyOptions.Default, null, Token);
        await writer.CompleteAsync(Token);
        Assert.Equal(gets, _client.RequestCounts.GetSnapshotBlock);
        AssertReads(writer.SnapshotId, newer);
        Assert.Equal([2, 8, 9], _fake[writer.SnapshotId].Written.Order());
        Assert.Equal(4 * Block, source.BytesRead);
    }

    [Fact]
    public void Create_WithImpossibleParameters_Throws()
    {
        Assert.ThrowsAny<ArgumentException>(() => Create(-1, s_quick));
        Assert.ThrowsAny<ArgumentException>(() => Create((64L << 40) + 1, s_quick));
        Assert.ThrowsAny<ArgumentException>(() => Create(1, new EbsSnapshotWriterOptions { ParentSnapshotId = "snap-1", Encrypted = true }));
        Assert.ThrowsAny<ArgumentException>(() => Create(1, new EbsSnapshotWriterOptions { KmsKeyArn = "key" }));
        Assert.ThrowsAny<ArgumentException>(() => Create(1, new EbsSnapshotWriterOptions { Timeout = TimeSpan.FromMinutes(1) }));
        Assert.Throws<EbsSnapshotNotFoundException>(() => Create(1, new EbsSnapshotWriterOptions { ParentSnapshotId = "snap-0123" }));
        string parentId = _fake.AddSnapshot(2, new Dictionary<int, byte[]>());
        Assert.ThrowsAny<ArgumentException>(() => Create(1L << 30, new EbsSnapshotWriterOptions { ParentSnapshotId = parentId }));
    }

    [Fact]
    public async Task Resume_AfterABreak_SendsTheRestAlone()
    {
        using TempFolder folder = new();
        byte[] content = Content(30, 4, static block => block % 5 != 4);
        EbsSnapshotWriterOptions options = new() { JournalPath = folder.File("upload"), CompletionPollInterval = s_quick.CompletionPollInterval };
        string id;
        await using (EbsSnapshotWriter broken = Create(content.Length, options))
        {
            id = broken.SnapshotId;
            await broken.WriteAsync(content.AsMemory(0, 15 * Block), 0, Token);
        }

        Assert.True(File.Exists(folder.File("upload")));
        await using EbsSnapshotWriter writer = Create(content.Length, options);
        Assert.Equal(id, writer.SnapshotId);
        using TestDisk source = new(content);
        await source.CopyToAsync(writer, DiskCopyOptions.Default, null, Token);
        Assert.Equal((12, 12), (writer.KeptBlockCount, writer.SentBlockCount));
        await writer.CompleteAsync(Token);
        AssertReads(id, content);
        Assert.Equal(1, _fake.Calls("StartSnapshot"));
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Resume_WithOtherContent_IsWhatTheLastRunWrites(bool withParent)
    {
        using TempFolder folder = new();
        string? parentId = withParent ? await UploadAsync(Content(10, 9, static block => block < 6), s_quick) : null;
        EbsSnapshotWriterOptions options = new() { JournalPath = folder.File("upload"), ParentSnapshotId = parentId, CompletionPollInterval = s_quick.CompletionPollInterval };
        await using (EbsSnapshotWriter broken = Create(10 * Block, options))
        {
            await broken.WriteAsync(Content(8, 5, static _ => true), 0, Token);
        }

        await using EbsSnapshotWriter writer = Create(10 * Block, options);
        byte[] written = Content(3, 6, static _ => true);
        await writer.WriteAsync(written, 2 * Block, Token);
        await writer.CompleteAsync(Token);
        byte[] expected = parentId is null ? new byte[10 * Block] : _fake.Read(parentId, 10 * Block);
        written.CopyTo(expected, 2 * Block);
        AssertReads(writer.SnapshotId, expected);
    }

    [Fact]
    public async Task Resume_WhereTheProcessEndedBetweenSendingAndNoting_IsNotFooled()
    {
        using TempFolder folder = new();
        EbsSnapshotWriterOptions options = new() { JournalPath = folder.File("upload"), CompletionPollInterval = s_quick.CompletionPollInterval };
        byte[] content = Content(6, 7, static _ => true);
        await using EbsFake fake = await EbsFake.StartAsync(new EbsFakeOptions { Fault = static (operation, number) => operation == "PutSnapshotBlock" && number is >= 3 and <= 4 ? EbsFakeFault.InternalErrorAfterwards : EbsFakeFault.None });
        using EbsDirectClient client = EbsClients.For(fake, maxRetries: 0, concurrency: 1);
        await using (EbsSnapshotWriter broken = await EbsSnapshotWriter.CreateAsync(client, content.Length, options, Token))
        {
            await Assert.ThrowsAnyAsync<EbsException>(async () => await broken.WriteAsync(content, 0, Token));
            Assert.Equal(3, fake[broken.SnapshotId].Written.Count);

            // What failed is told at completion too.
            await Assert.ThrowsAnyAsync<EbsException>(async () => await broken.CompleteAsync(Token));
        }

        // The block that the service holds without a note is zeros now.
        content.AsSpan(2 * Block, Block).Clear();
        using EbsDirectClient again = EbsClients.For(fake, maxRetries: 3);
        await using EbsSnapshotWriter writer = await EbsSnapshotWriter.CreateAsync(again, content.Length, options, Token);
        using TestDisk source = new(content);
        await source.CopyToAsync(writer, DiskCopyOptions.Default, null, Token);
        await writer.CompleteAsync(Token);
        Assert.Equal(content, fake.Read(writer.SnapshotId, content.Length));
    }

    [Fact]
    public async Task Complete_WhoseAnswerWasLost_IsComplete()
    {
        await using EbsFake fake = await EbsFake.StartAsync(new EbsFakeOptions { Fault = static (operation, number) => operation == "CompleteSnapshot" && number == 1 ? EbsFakeFault.InternalErrorAfterwards : EbsFakeFault.None });
        using EbsDirectClient client = EbsClients.For(fake);
        await using EbsSnapshotWriter writer = await EbsSnapshotWriter.CreateAsync(client, Block, s_quick, Token);
        await writer.WriteAsync(Filled(3), 0, Token);
        await writer.CompleteAsync(Token);
        Assert.Equal(2, fake.Calls("CompleteSnapshot"));
        Assert.Equal(Filled(3), fake.Read(writer.SnapshotId, Block));
    }

    [Fact]
    public async Task Complete_AfterAProcessThatEndedWaiting_IsComplete()
    {
        using TempFolder folder = new();
        byte[] content = Content(3, 8, static _ => true);
        EbsSnapshotWriterOptions options = new() { JournalPath = folder.File("upload"), CompletionPollInterval = s_quick.CompletionPollInterval, CompletionTimeout = TimeSpan.Zero };
        await using EbsFake fake = await EbsFake.StartAsync(new EbsFakeOptions { PollsUntilCompleted = 3 });
        using EbsDirectClient client = EbsClients.For(fake);
        string id;
        await using (EbsSnapshotWriter waiting = await EbsSnapshotWriter.CreateAsync(client, content.Length, options, Token))
        {
            id = waiting.SnapshotId;
            await waiting.WriteAsync(content, 0, Token);
            EbsException thrown = await Assert.ThrowsAnyAsync<EbsException>(async () => await waiting.CompleteAsync(Token));
            Assert.Contains("may still become readable", thrown.Message, StringComparison.Ordinal);
        }

        await using EbsSnapshotWriter writer = await EbsSnapshotWriter.CreateAsync(client, content.Length, new EbsSnapshotWriterOptions { JournalPath = folder.File("upload"), CompletionPollInterval = s_quick.CompletionPollInterval }, Token);
        await writer.WriteAsync(content, 0, Token);
        await writer.CompleteAsync(Token);
        Assert.Equal((id, 0), (writer.SnapshotId, writer.SentBlockCount));
        Assert.Equal(content, fake.Read(id, content.Length));
    }

    [Fact]
    public void Journal_OfAnotherUpload_OrDamaged_OrInUse_IsRefused()
    {
        using TempFolder folder = new();
        EbsSnapshotWriterOptions options = new() { JournalPath = folder.File("upload") };
        using (EbsSnapshotWriter first = Create(Block, options))
        {
            Assert.Throws<EbsJournalException>(() => Create(Block, options));
        }

        EbsJournalException other = Assert.Throws<EbsJournalException>(() => Create(2L << 30, options));
        Assert.Contains("another upload", other.Message, StringComparison.Ordinal);
        byte[] bytes = File.ReadAllBytes(folder.File("upload"));
        bytes[9] ^= 1;
        File.WriteAllBytes(folder.File("upload"), bytes);
        Assert.Throws<EbsJournalException>(() => Create(Block, options));
        File.WriteAllBytes(folder.File("upload"), []);
        Assert.Throws<EbsJournalException>(() => Create(Block, options));
        File.WriteAllText(folder.File("upload"), "something else");
        Assert.Throws<EbsJournalException>(() => Create(Block, options));
    }

    [Fact]
    public async Task Journal_WithAnyFlippedBit_NeverMakesAWrongSnapshot()
    {
        using TempFolder folder = new();
        byte[] content = Content(5, 11, static _ => true);
        EbsSnapshotWriterOptions options = new() { JournalPath = folder.File("upload"), CompletionPollInterval = s_quick.CompletionPollInterval };
        await using (EbsSnapshotWriter broken = Create(content.Length, options))
        {
            await broken.WriteAsync(content, 0, Token);
        }

        byte[] good = File.ReadAllBytes(folder.File("upload"));
        foreach (int position in Enumerable.Range(0, 25).Select(static number => 8192 + (number * 8)))
        {
            byte[] bad = [.. good];
            bad[position] ^= 0x10;
            File.WriteAllBytes(folder.File("damaged"), bad);
            await using EbsSnapshotWriter writer = Create(content.Length, new EbsSnapshotWriterOptions { JournalPath = folder.File("damaged") });
            await writer.WriteAsync(content, 0, Token);
            Assert.Equal((4, 1), (writer.KeptBlockCount, writer.SentBlockCount));
        }

        Assert.Single(_fake.SnapshotIds);
    }

    private EbsSnapshotWriter Create(long length, EbsSnapshotWriterOptions options) =>
        Task.Run(() => EbsSnapshotWriter.CreateAsync(_client, length, options)).GetAwaiter().GetResult();

    private async Task<string> UploadAsync(byte[] content, EbsSnapshotWriterOptions options)
    {
        await using EbsSnapshotWriter writer = await EbsSnapshotWriter.CreateAsync(_client, content.Length, options, Token);
        await writer.WriteAsync(content, 0, Token);
        await writer.CompleteAsync(Token);
        return writer.SnapshotId;
    }

    private void AssertReads(string id, byte[] content, string what = "")
    {
        Assert.True(_fake[id].IsCompleted);
        using EbsSnapshotDisk disk = Task.Run(() => EbsSnapshotDisk.OpenAsync(_client, id, EbsSnapshotDiskOptions.Default)).GetAwaiter().GetResult();
        byte[] read = new byte[content.Length];
        Assert.Equal(read.Length, disk.Read(read, 0));
        int difference = read.AsSpan().CommonPrefixLength(content);
        Assert.True(difference == content.Length, $"The disk differs at {difference} of {content.Length}. {what}");
        int blocks = (content.Length + Block - 1) / Block;
        Assert.DoesNotContain(_fake[id].Indexes, index => index >= blocks && index < 2048);
        Assert.Equal(content, _fake.Read(id, content.Length));
    }

    private static byte[] Filled(byte value)
    {
        byte[] block = new byte[Block];
        block.AsSpan().Fill(value);
        return block;
    }

    private static byte[] Content(int blocks, int seed, Func<int, bool> holds)
    {
        byte[] content = new byte[blocks * Block];
        Random random = new(seed);
        for (int block = 0; block < blocks; block++)
        {
            if (holds(block))
            {
                random.NextBytes(content.AsSpan(block * Block, Block));
            }
        }

        return content;
    }
}
