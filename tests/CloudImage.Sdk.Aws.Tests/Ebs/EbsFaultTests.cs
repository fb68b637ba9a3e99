using System;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Aws.Ebs;
using CloudImage.Sdk.Aws.Tests.Fakes;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Aws.Tests.Ebs;

/// <summary>Whole jobs through faults: they complete, or say why and lose nothing.</summary>
public sealed class EbsFaultTests
{
    private const int Block = EbsConstants.BlockSize;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Upload_WhoseCredentialsExpire_GoesOnWithOthers()
    {
        FakeIdentity lasting = new(EbsFakeOptions.DefaultAccessKey, EbsFakeOptions.DefaultSecretKey);
        EbsFake? started = null;
        await using EbsFake fake = started = await EbsFake.StartAsync(new EbsFakeOptions
        {
            Fault = (operation, number) =>
            {
                if (operation == "PutSnapshotBlock" && number == 20)
                {
                    started!.Identities = [lasting with { ExpiresAt = DateTime.UnixEpoch }];
                }

                return EbsFakeFault.None;
            },
        });
        using TempFolder folder = new();
        EbsSnapshotWriterOptions options = new() { JournalPath = folder.File("upload"), CompletionPollInterval = TimeSpan.FromMilliseconds(10) };
        using TestDisk source = NewDisk(50, 1);
        string id;
        using EbsDirectClient client = EbsClients.For(fake);
        await using (EbsSnapshotWriter broken = await EbsSnapshotWriter.CreateAsync(client, source.Length, options, Token))
        {
            id = broken.SnapshotId;
            EbsCredentialsException thrown = await Assert.ThrowsAsync<EbsCredentialsException>(() => source.CopyToAsync(broken, new DiskCopyOptions { WorkerCount = 4 }, null, Token));
            Assert.Contains("goes on from where it is", thrown.Message, StringComparison.Ordinal);
        }

        fake.Identities = [lasting];
        await using EbsSnapshotWriter writer = await EbsSnapshotWriter.CreateAsync(client, source.Length, options, Token);
        await source.CopyToAsync(writer, DiskCopyOptions.Default, null, Token);
        await writer.CompleteAsync(Token);
        Assert.True(writer.KeptBlockCount >= 15, $"{writer.KeptBlockCount} kept");
        Assert.Equal(50, writer.KeptBlockCount + writer.SentBlockCount);
        Assert.Equal(id, writer.SnapshotId);
        Assert.True(source.ToArray().AsSpan().SequenceEqual(fake.Read(id, (int)source.Length)));
    }

    [Fact]
    public async Task Upload_ThatEndsAtAnyCall_ShowsNothing_AndGoesOn()
    {
        using TestDisk source = TestDisk.Random(11, 7 << 20, 300_000, false);
        using TempFolder folder = new();
        EbsSnapshotWriterOptions options = new() { JournalPath = folder.File("upload"), CompletionPollInterval = TimeSpan.FromMilliseconds(10) };
        int failing = 0;
        int calls = 0;
        await using EbsFake fake = await EbsFake.StartAsync(new EbsFakeOptions
        {
            ListsPerSecond = 10_000, PollsUntilCompleted = 1,
            Fault = (_, _) => Interlocked.Increment(ref calls) == failing ? EbsFakeFault.InternalErrorAfterwards : EbsFakeFault.None,
        });
        using EbsDirectClient broken = EbsClients.For(fake, maxRetries: 0, listQuota: 10_000, snapshotQuota: 10_000);
        using EbsDirectClient client = EbsClients.For(fake, listQuota: 10_000, snapshotQuota: 10_000);
        bool hasFailed = true;
        for (failing = 1; hasFailed; failing++)
        {
            calls = 0;
            hasFailed = false;
            string? id = null;
            try
            {
                await using EbsSnapshotWriter writer = await EbsSnapshotWriter.CreateAsync(broken, source.Length, options, Token);
                id = writer.SnapshotId;
                await source.CopyToAsync(writer, new DiskCopyOptions { WorkerCount = 2 }, null, Token);
                await writer.CompleteAsync(Token);
            }
            catch (EbsException)
            {
                hasFailed = true;
                failing = -failing;
                await using EbsSnapshotWriter writer = await EbsSnapshotWriter.CreateAsync(client, source.Length, options, Token);
                Assert.True(id is null || id == writer.SnapshotId);
                id = writer.SnapshotId;
                await source.CopyToAsync(writer, DiskCopyOptions.Default, null, Token);
                await writer.CompleteAsync(Token);
                failing = -failing;
            }

            Assert.True(source.ToArray().AsSpan().SequenceEqual(fake.Read(id!, (int)source.Length)), $"call {failing}");
            Assert.False(System.IO.File.Exists(folder.File("upload")));
            Assert.Equal(failing, fake.SnapshotIds.Count);
        }

        Assert.True(failing > 10, $"{failing} calls");
    }

    [Fact]
    public async Task Download_WhoseClockJumps_Completes()
    {
        await using EbsFake fake = await EbsFake.StartAsync();
        string id = fake.AddSnapshot(1, EbsBlocks.Random(1, Enumerable.Range(0, 40)));
        ShiftedTime time = new(TimeSpan.Zero);
        using EbsDirectClient client = EbsClients.For(fake, time: time);
        await using EbsSnapshotDisk disk = await EbsSnapshotDisk.OpenAsync(client, id, EbsSnapshotDiskOptions.Default, Token);
        byte[] content = new byte[40 * Block];
        await disk.ReadAsync(content.AsMemory(0, 20 * Block), 0, Token);
        time.Shift = TimeSpan.FromHours(-5);
        await disk.ReadAsync(content.AsMemory(20 * Block), 20 * Block, Token);
        Assert.Equal(fake.Read(id, content.Length), content);
    }

    [Fact]
    public async Task QuotasThatAreLowerThanBelieved_AreFoundAndKept()
    {
        await using EbsFake fake = await EbsFake.StartAsync(new EbsFakeOptions { BlocksPerSecond = 20 });
        using EbsDirectClient client = EbsClients.For(fake, maxRetries: 30);
        using TestDisk source = NewDisk(80, 2);
        await using EbsSnapshotWriter writer = await EbsSnapshotWriter.CreateAsync(client, source.Length, new EbsSnapshotWriterOptions { CompletionPollInterval = TimeSpan.FromMilliseconds(10) }, Token);
        await source.CopyToAsync(writer, new DiskCopyOptions { WorkerCount = 16 }, null, Token);
        await writer.CompleteAsync(Token);
        Assert.True(source.ToArray().AsSpan().SequenceEqual(fake.Read(writer.SnapshotId, (int)source.Length)));
        Assert.True(client.RequestCounts.Throttled > 0);
        Assert.True(client.RateOf(EbsOperation.PutSnapshotBlock) < 450, $"{client.RateOf(EbsOperation.PutSnapshotBlock)} a second");
    }

    [Fact]
    public async Task StormsOfThrottlingOnEveryCall_AreSatOut()
    {
        // The first calls of every kind are refused, whenever they come.
        await using EbsFake fake = await EbsFake.StartAsync(new EbsFakeOptions { Fault = static (operation, number) => number <= (operation.EndsWith("SnapshotBlock", StringComparison.Ordinal) ? 30 : 3) ? EbsFakeFault.Throttled : EbsFakeFault.None });
        using EbsDirectClient client = EbsClients.For(fake, maxRetries: 40);
        using TestDisk source = NewDisk(20, 3);
        await using EbsSnapshotWriter writer = await EbsSnapshotWriter.CreateAsync(client, source.Length, new EbsSnapshotWriterOptions { CompletionPollInterval = TimeSpan.FromMilliseconds(10) }, Token);
        await source.CopyToAsync(writer, new DiskCopyOptions { WorkerCount = 4 }, null, Token);
        await writer.CompleteAsync(Token);
        await using EbsSnapshotDisk disk = await EbsSnapshotDisk.OpenAsync(client, writer.SnapshotId, new EbsSnapshotDiskOptions { Length = source.Length }, Token);
        byte[] content = new byte[source.Length];
        await disk.ReadAsync(content, 0, Token);
        Assert.True(source.ToArray().AsSpan().SequenceEqual(content));
    }

    [Fact]
    public async Task ABlockThatIsAlwaysDamaged_IsNamed_AndNoWrongByteComesOut()
    {
        bool isDamaged = true;
        await using EbsFake fake = await EbsFake.StartAsync(new EbsFakeOptions { Fault = (operation, number) => isDamaged && operation == "GetSnapshotBlock" && number >= 3 ? EbsFakeFault.WrongChecksum : EbsFakeFault.None });
        string id = fake.AddSnapshot(1, EbsBlocks.Random(1, [0, 1, 2, 3]));
        using EbsDirectClient client = EbsClients.For(fake, maxRetries: 3, concurrency: 1);
        await using EbsSnapshotDisk disk = await EbsSnapshotDisk.OpenAsync(client, id, EbsSnapshotDiskOptions.Default, Token);
        byte[] content = new byte[4 * Block];
        EbsChecksumException thrown = await Assert.ThrowsAsync<EbsChecksumException>(async () => await disk.ReadAsync(content, 0, Token));
        Assert.Contains($"block 2 of {id}", thrown.Message, StringComparison.OrdinalIgnoreCase);
        await Assert.ThrowsAsync<EbsChecksumException>(async () => await disk.ReadAsync(content.AsMemory(0, 100), 3 * Block, Token));
        isDamaged = false;
        await disk.ReadAsync(content, 0, Token);
        Assert.Equal(fake.Read(id, content.Length), content);
        Assert.Equal(100, await disk.ReadAsync(content.AsMemory(0, 100), 3 * Block, Token));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{\"VolumeSize\":1}")]
    [InlineData("{\"VolumeSize\":0,\"BlockSize\":524288,\"Blocks\":[]}")]
    [InlineData("{\"VolumeSize\":99999999,\"BlockSize\":524288,\"Blocks\":[]}")]
    [InlineData("{\"VolumeSize\":1,\"BlockSize\":512,\"Blocks\":[]}")]
    [InlineData("{\"VolumeSize\":1,\"BlockSize\":524288,\"Blocks\":[{\"BlockIndex\":2,\"BlockToken\":\"a\"},{\"BlockIndex\":1,\"BlockToken\":\"a\"}]}")]
    [InlineData("{\"VolumeSize\":1,\"BlockSize\":524288,\"Blocks\":[{\"BlockIndex\":2048,\"BlockToken\":\"a\"}]}")]
    [InlineData("{\"VolumeSize\":1,\"BlockSize\":524288,\"Blocks\":[{\"BlockIndex\":\"1\",\"BlockToken\":\"a\"}]}")]
    [InlineData("{\"VolumeSize\":1,\"BlockSize\":524288,\"Blocks\":[{\"BlockIndex\":-1,\"BlockToken\":\"a\"}]}")]
    [InlineData("{\"VolumeSize\":1,\"BlockSize\":524288,\"Blocks\":[{\"BlockIndex\":1}]}")]
    [InlineData("{\"VolumeSize\":1,\"BlockSize\":524288,\"Blocks\":{}}")]
    [InlineData("{\"VolumeSize\":1,\"BlockSize\":524288,\"Blocks\":[1,2]}")]
    [InlineData("{\"VolumeSize\":1,\"BlockSize\":524288,\"NextToken\":\"\",\"Blocks\":[]}")]
    [InlineData("{\"VolumeSize\":1,\"BlockSize\":524288,\"ExpiryTime\":1e308,\"NextToken\":\"again\",\"Blocks\":[]}")]
    public async Task Lists_ThatAreImpossible_AreRefused(string json)
    {
        using EbsDirectClient client = Client(new FixedAnswer(System.Text.Encoding.UTF8.GetBytes(json), System.Net.HttpStatusCode.OK));
        await Assert.ThrowsAnyAsync<EbsException>(() => EbsSnapshotDisk.OpenAsync(client, "snap-1", EbsSnapshotDiskOptions.Default, Token));
    }

    [Fact]
    public async Task Answers_WithAnyByteChanged_EndInAnExceptionOfOurs_OrInAnAnswer()
    {
        string[] good =
        [
            """{"VolumeSize":1,"BlockSize":524288,"ExpiryTime":1790000000.5,"NextToken":null,"Blocks":[{"BlockIndex":1,"BlockToken":"AAABAS+/="},{"BlockIndex":2,"BlockToken":"AAABAS+/="}],"x":{"y":[1]}}""",
            """{"VolumeSize":1,"BlockSize":524288,"ChangedBlocks":[{"BlockIndex":1,"FirstBlockToken":"a"},{"BlockIndex":2,"SecondBlockToken":"b"}]}""",
            """{"SnapshotId":"snap-0123","BlockSize":524288,"Status":"pending"}""",
            """{"Message":"no","Reason":"INVALID_BLOCK"}""",
        ];
        int cases = int.TryParse(Environment.GetEnvironmentVariable("CLOUDIMAGE_MUTATIONS"), out int wanted) ? wanted : 3000;
        Random random = new(17);
        for (int index = 0; index < cases; index++)
        {
            byte[] bytes = System.Text.Encoding.UTF8.GetBytes(good[index % good.Length]);
            for (int change = random.Next(3); change >= 0; change--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            bytes = random.Next(4) == 0 ? bytes[..random.Next(bytes.Length)] : bytes;
            bool isRefusal = index % good.Length == 3;
            using EbsDirectClient client = Client(new FixedAnswer(bytes, isRefusal ? System.Net.HttpStatusCode.BadRequest : System.Net.HttpStatusCode.OK));
            try
            {
                _ = (index % good.Length) switch
                {
                    1 => (object)await EbsSnapshotDisk.GetChangesAsync(client, "snap-1", "snap-2", new CancellationTokenSource(TimeSpan.FromSeconds(5)).Token),
                    2 => await client.StartSnapshotAsync(new EbsStartRequest { VolumeSize = 1, ClientToken = "a" }, Token),
                    _ => await client.ListBlocksAsync("snap-1", 0, null, 100, Token),
                };
            }
            catch (EbsException)
            {
                continue;
            }

            Assert.False(isRefusal);
        }
    }

    private static EbsDirectClient Client(System.Net.Http.HttpMessageHandler handler) => new(new EbsClientOptions
    {
        Region = "eu-central-1", Endpoint = new Uri("http://ebs.example"), Credentials = new Amazon.Runtime.BasicAWSCredentials("a", "b"), Handler = handler,
        MaxRetries = 0, ListQuotaPerSecond = 1_000_000, SnapshotQuotaPerSecond = 1_000_000,
    });

    private static TestDisk NewDisk(int blocks, int seed)
    {
        byte[] content = new byte[blocks * Block];
        new Random(seed).NextBytes(content);
        return new TestDisk(content, new BlockMap([new DiskExtent(0, content.Length, DiskExtentKind.Data)]), false);
    }

    private sealed class FixedAnswer(byte[] body, System.Net.HttpStatusCode status) : System.Net.Http.HttpMessageHandler
    {
        protected override Task<System.Net.Http.HttpResponseMessage> SendAsync(System.Net.Http.HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(new System.Net.Http.HttpResponseMessage(status) { Content = new System.Net.Http.ByteArrayContent(body) });
    }
}
