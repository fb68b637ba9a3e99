using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Security.Cryptography;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Amazon.Runtime;
using CloudImage.Sdk.Aws.Ebs;
using CloudImage.Sdk.Aws.Tests.Fakes;
using CloudImage.Sdk.Disks;
using Xunit;

namespace CloudImage.Sdk.Aws.Tests.Ebs;

/// <summary>What a block costs beside its bytes. Allocations are counted in the whole process, so nothing else runs meanwhile.</summary>
[Collection(nameof(EbsCostTests))]
[CollectionDefinition(nameof(EbsCostTests), DisableParallelization = true)]
public sealed class EbsCostTests
{
    private const int Block = EbsConstants.BlockSize;
    private const int Count = 200;

    private static bool IsMeasuring => Environment.GetEnvironmentVariable("CLOUDIMAGE_MEASURE") == "1";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ReadingABlock_AllocatesLittle()
    {
        using EbsDirectClient client = ClientOver(new StubHandler());
        await using EbsSnapshotDisk disk = await EbsSnapshotDisk.OpenAsync(client, "snap-1", EbsSnapshotDiskOptions.Default, Token);
        byte[] buffer = new byte[4 * Block];
        long perBlock = await MeasureAsync(async index => await disk.ReadAsync(buffer, index % 50 * (4L * Block), Token)) / 4;
        Assert.True(perBlock < 16_000, $"{perBlock} bytes for each block");
    }

    [Fact]
    public async Task ReadingInSmallParts_UsesBuffersAgain()
    {
        using EbsDirectClient client = ClientOver(new StubHandler());
        await using EbsSnapshotDisk disk = await EbsSnapshotDisk.OpenAsync(client, "snap-1", new EbsSnapshotDiskOptions { CacheLength = 4 << 20 }, Token);
        byte[] buffer = new byte[4096];
        long perBlock = await MeasureAsync(async index => await disk.ReadAsync(buffer, index * (long)Block, Token));
        Assert.True(perBlock < 24_000, $"{perBlock} bytes for each block");
    }

    [Fact]
    public async Task WritingABlock_AllocatesLittle()
    {
        using EbsDirectClient client = ClientOver(new StubHandler());
        await using EbsSnapshotWriter writer = await EbsSnapshotWriter.CreateAsync(client, 2000L * Block, EbsSnapshotWriterOptions.Default, Token);
        byte[] buffer = new byte[2 * Block];
        new Random(1).NextBytes(buffer);
        long perBlock = await MeasureAsync(async index => await writer.WriteAsync(buffer, index * (2L * Block), Token)) / 2;
        Assert.True(perBlock < 20_000, $"{perBlock} bytes for each block");
    }

    [Fact]
    public async Task Index_OfAVolumeOf16TiB_StaysSmall()
    {
        // A block each GiB and a run at the end: pages of few blocks reach far.
        byte[] block = new byte[Block];
        block[0] = 1;
        IEnumerable<int> indexes = Enumerable.Range(0, 16_384).Select(static gib => gib * EbsConstants.BlocksPerGiB).Concat(Enumerable.Range((16_384 * EbsConstants.BlocksPerGiB) - 4000, 4000)).Distinct();
        await using EbsFake fake = await EbsFake.StartAsync();
        string id = fake.AddSnapshot(16_384, indexes.ToDictionary(static index => index, _ => block));
        using EbsDirectClient client = EbsClients.For(fake);
        long before = GC.GetTotalMemory(true);
        using EbsSnapshotDisk disk = await EbsSnapshotDisk.OpenAsync(client, id, EbsSnapshotDiskOptions.Default, Token);
        BlockMap map = await Task.Run(() => BlockMap.Of(disk), Token);
        Assert.Equal(20_383L * EbsConstants.BlockSize, map.DataLength);
        long used = GC.GetTotalMemory(true) - before;
        Assert.True(used < 24 << 20, $"{used} bytes");
        byte[] buffer = new byte[1];
        disk.Read(buffer, disk.Length - (4000L * EbsConstants.BlockSize));
        Assert.Equal(1, buffer[0]);
        Assert.True(client.RequestCounts.ListSnapshotBlocks < 12, $"{client.RequestCounts.ListSnapshotBlocks} lists");
    }

    /// <summary>Blocks a second and processor time against the fake, for an idle machine: the fake's work is in it.</summary>
    [Fact]
    public async Task Throughput_IsTold()
    {
        if (!IsMeasuring)
        {
            Assert.Skip("CLOUDIMAGE_MEASURE=1 measures.");
        }

        const int blocks = 2048;
        StringBuilder report = new();
        byte[] content = new byte[64 * Block];
        new Random(3).NextBytes(content);
        await using EbsFake fake = await EbsFake.StartAsync(new EbsFakeOptions { BlocksPerSecond = 1_000_000, ListsPerSecond = 1000 });
        foreach (bool isStub in new[] { true, false })
        {
            using EbsDirectClient client = isStub ? ClientOver(new StubHandler()) : new EbsDirectClient(Quick(fake.Endpoint, null));
            string where = isStub ? "client alone" : "client and fake";
            await using EbsSnapshotWriter writer = await EbsSnapshotWriter.CreateAsync(client, (long)blocks * Block, new EbsSnapshotWriterOptions { WaitsForCompletion = !isStub }, Token);
            await TellAsync(report, $"write, {where}", blocks, () => Parallel.ForAsync(0, blocks / 64, new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (index, token) => await writer.WriteAsync(content, index * 64L * Block, token)));
            await writer.CompleteAsync(Token);
            await using EbsSnapshotDisk disk = await EbsSnapshotDisk.OpenAsync(client, writer.SnapshotId, EbsSnapshotDiskOptions.Default, Token);
            await TellAsync(report, $"read, {where}", blocks, () => Parallel.ForAsync(0, blocks / 64, new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (index, token) => await disk.ReadAsync(new byte[64 * Block], index * 64L * Block, token)));
        }

        Console.Error.WriteLine(report);
        Assert.NotEmpty(report.ToString());
    }

    private static async Task TellAsync(StringBuilder report, string what, int blocks, Func<Task> work)
    {
        TimeSpan cpu = Process.GetCurrentProcess().TotalProcessorTime;
        long begun = Stopwatch.GetTimestamp();
        await work();
        double seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        double used = (Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalSeconds;
        report.AppendLine($"{what,-24} {blocks / seconds,8:0} blocks/s  {blocks / 2 / seconds,8:0} MiB/s  {used * 1e6 / blocks,8:0} us of processor time a block");
    }

    private static async Task<long> MeasureAsync(Func<int, Task> work)
    {
        for (int index = 0; index < Count; index++)
        {
            await work(index);
        }

        long before = GC.GetTotalAllocatedBytes(true);
        for (int index = Count; index < 2 * Count; index++)
        {
            await work(index);
        }

        long each = (GC.GetTotalAllocatedBytes(true) - before) / Count;
        if (IsMeasuring)
        {
            Console.Error.WriteLine($"{TestContext.Current.TestMethod?.MethodName}: {each} bytes allocated a call");
        }

        return each;
    }

    private static EbsDirectClient ClientOver(HttpMessageHandler handler) => new(Quick(new Uri("https://ebs.example"), handler));

    private static EbsClientOptions Quick(Uri endpoint, HttpMessageHandler? handler) => new()
    {
        Region = "eu-central-1",
        Endpoint = endpoint,
        Credentials = new BasicAWSCredentials(EbsFakeOptions.DefaultAccessKey, EbsFakeOptions.DefaultSecretKey),
        Handler = handler,
        GetQuotaPerSecond = 1_000_000,
        PutQuotaPerSecond = 1_000_000,
        ListQuotaPerSecond = 1000,
    };

    /// <summary>A service without a network: every block is there and is the same.</summary>
    private sealed class StubHandler : HttpMessageHandler
    {
        private readonly byte[] _block = new byte[Block];
        private readonly string _checksum;
        private readonly byte[] _list;

        public StubHandler()
        {
            _block.AsSpan().Fill(3);
            _checksum = Convert.ToBase64String(SHA256.HashData(_block));
            string token = Convert.ToBase64String(new byte[45]);
            _list = Encoding.UTF8.GetBytes($"{{\"VolumeSize\":1,\"BlockSize\":524288,\"ExpiryTime\":9999999999,\"Blocks\":[{string.Join(',', Enumerable.Range(0, 2048).Select(index => $"{{\"BlockIndex\":{index},\"BlockToken\":\"{token}\"}}"))}]}}");
        }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            string path = request.RequestUri!.AbsolutePath;
            HttpResponseMessage response = new(HttpStatusCode.OK);
            if (request.Method == HttpMethod.Get && path.EndsWith("/blocks", StringComparison.Ordinal))
            {
                response.Content = new ReadOnlyMemoryContent(_list);
            }
            else if (request.Method == HttpMethod.Get)
            {
                response.Content = new ReadOnlyMemoryContent(_block);
                response.Headers.TryAddWithoutValidation("x-amz-Data-Length", "524288");
                response.Headers.TryAddWithoutValidation("x-amz-Checksum", _checksum);
                response.Headers.TryAddWithoutValidation("x-amz-Checksum-Algorithm", "SHA256");
            }
            else if (request.Method == HttpMethod.Post)
            {
                response.Content = new StringContent(path == "/snapshots" ? """{"SnapshotId":"snap-1","BlockSize":524288,"Status":"pending"}""" : """{"Status":"completed"}""");
            }

            return Task.FromResult(response);
        }
    }
}
