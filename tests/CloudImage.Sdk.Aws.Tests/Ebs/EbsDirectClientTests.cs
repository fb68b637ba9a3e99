using System;
using System.Collections.Generic;
using System.Linq;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;
using Amazon.Runtime;
using CloudImage.Sdk.Aws.Ebs;
using CloudImage.Sdk.Aws.Tests.Fakes;
using CloudImage.Sdk.Hashing;
using Xunit;

namespace CloudImage.Sdk.Aws.Tests.Ebs;

public sealed class EbsDirectClientTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AllCalls_OverBothKindsOfSignature_ReadBackWhatWasWritten(bool https)
    {
        await using EbsFake fake = await EbsFake.StartAsync(new EbsFakeOptions { UsesHttps = https, MaxPageLength = 4 });
        using EbsDirectClient client = EbsClients.For(fake);
        (string id, Dictionary<int, byte[]> blocks) = await WriteAsync(client, 10);
        List<int> listed = [];
        string? next = null;
        do
        {
            EbsBlockPage page = await client.ListBlocksAsync(id, 0, next, 100, Token);
            foreach (int index in page.Indexes.ToArray())
            {
                byte[] buffer = new byte[EbsConstants.BlockSize];
                await client.GetBlockAsync(id, index, page.FindToken(index)!, buffer, Token);
                Assert.Equal(blocks[index], buffer);
                listed.Add(index);
            }

            next = page.NextToken;
        }
        while (next is not null);

        Assert.Equal(blocks.Keys.Order(), listed);
        Assert.Equal(10, client.RequestCounts.PutSnapshotBlock);
        Assert.Equal(10, client.RequestCounts.GetSnapshotBlock);
    }

    [Theory]
    [InlineData(nameof(EbsFakeFault.InternalError))]
    [InlineData(nameof(EbsFakeFault.Reset))]
    [InlineData(nameof(EbsFakeFault.ResetMidBody))]
    [InlineData(nameof(EbsFakeFault.Truncated))]
    [InlineData(nameof(EbsFakeFault.WrongChecksum))]
    [InlineData(nameof(EbsFakeFault.Throttled))]
    [InlineData(nameof(EbsFakeFault.WrongEcho))]
    public async Task Faults_OfEveryThirdCall_DoNotShow(string name)
    {
        EbsFakeFault fault = Enum.Parse<EbsFakeFault>(name);
        await using EbsFake fake = await EbsFake.StartAsync(new EbsFakeOptions { Fault = (_, number) => number % 3 == 2 ? fault : EbsFakeFault.None });
        using EbsDirectClient client = EbsClients.For(fake);
        (string id, Dictionary<int, byte[]> blocks) = await WriteAsync(client, 12);
        EbsBlockPage page = await client.ListBlocksAsync(id, 0, null, 100, Token);
        if (page.Indexes.Length == 0)
        {
            page = await client.ListBlocksAsync(id, 0, page.NextToken, 100, Token);
        }

        foreach (int index in page.Indexes.ToArray())
        {
            byte[] buffer = new byte[EbsConstants.BlockSize];
            await client.GetBlockAsync(id, index, page.FindToken(index)!, buffer, Token);
            Assert.Equal(blocks[index], buffer);
        }

        Assert.True(client.RequestCounts.Retries >= 4, $"{client.RequestCounts.Retries} retries");
    }

    [Theory]
    [InlineData(nameof(EbsFakeFault.WrongChecksum), typeof(EbsChecksumException))]
    [InlineData(nameof(EbsFakeFault.Truncated), typeof(EbsException))]
    [InlineData(nameof(EbsFakeFault.ResetMidBody), typeof(EbsException))]
    [InlineData(nameof(EbsFakeFault.InternalError), typeof(EbsException))]
    [InlineData(nameof(EbsFakeFault.Throttled), typeof(EbsThrottledException))]
    [InlineData(nameof(EbsFakeFault.Denied), typeof(EbsAccessDeniedException))]
    [InlineData(nameof(EbsFakeFault.Hang), typeof(EbsException))]
    public async Task Faults_ThatDoNotEnd_AreToldByTheirKind(string name, Type expected)
    {
        EbsFakeFault fault = Enum.Parse<EbsFakeFault>(name);
        await using EbsFake fake = await EbsFake.StartAsync(new EbsFakeOptions { Fault = (operation, _) => operation == "GetSnapshotBlock" ? fault : EbsFakeFault.None });
        string id = fake.AddSnapshot(1, new Dictionary<int, byte[]> { [3] = new byte[EbsConstants.BlockSize] });
        using EbsDirectClient client = EbsClients.For(fake, maxRetries: 2, requestTimeout: TimeSpan.FromSeconds(fault == EbsFakeFault.Hang ? 0.3 : 30));
        EbsBlockPage page = await client.ListBlocksAsync(id, 0, null, 100, Token);
        Exception thrown = await Assert.ThrowsAnyAsync<EbsException>(async () => await client.GetBlockAsync(id, 3, page.FindToken(3)!, new byte[EbsConstants.BlockSize], Token));
        Assert.IsType(expected, thrown);
        Assert.Contains($"block 3 of {id}", thrown.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(page.FindToken(3)!, thrown.ToString(), StringComparison.Ordinal);
        Assert.Equal(fault == EbsFakeFault.Denied ? 1 : 3, fake.Calls("GetSnapshotBlock"));
    }

    [Fact]
    public async Task RetryAfter_IsHonoured()
    {
        await using EbsFake fake = await EbsFake.StartAsync(new EbsFakeOptions { Fault = static (_, number) => number == 1 ? EbsFakeFault.Unavailable : EbsFakeFault.None });
        string id = fake.AddSnapshot(1, new Dictionary<int, byte[]>());
        using EbsDirectClient client = EbsClients.For(fake);
        long begun = TimeProvider.System.GetTimestamp();
        await client.ListBlocksAsync(id, 0, null, 100, Token);
        Assert.True(TimeProvider.System.GetElapsedTime(begun) > TimeSpan.FromSeconds(0.9));
    }

    [Theory]
    [InlineData(-3600)]
    [InlineData(7200)]
    public async Task ClockSkew_IsCorrectedByTheServicesClock(int seconds)
    {
        await using EbsFake fake = await EbsFake.StartAsync();
        string id = fake.AddSnapshot(1, new Dictionary<int, byte[]>());
        using EbsDirectClient client = EbsClients.For(fake, time: new ShiftedTime(TimeSpan.FromSeconds(seconds)));
        await client.ListBlocksAsync(id, 0, null, 100, Token);
        await client.ListBlocksAsync(id, 0, null, 100, Token);
        Assert.Equal(1, client.RequestCounts.Retries);
        Assert.True((client.ServiceTime - TimeProvider.System.GetUtcNow()).Duration() < TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task ExpiredCredentials_ThatStay_AreToldOnce()
    {
        FakeIdentity expired = new(EbsFakeOptions.DefaultAccessKey, EbsFakeOptions.DefaultSecretKey) { Token = "session", ExpiresAt = DateTime.UnixEpoch };
        await using EbsFake fake = await EbsFake.StartAsync(new EbsFakeOptions { Identities = [expired] });
        string id = fake.AddSnapshot(1, new Dictionary<int, byte[]>());
        using EbsDirectClient client = EbsClients.For(fake, credentials: new SessionAWSCredentials(expired.AccessKey, expired.SecretKey, expired.Token));
        EbsCredentialsException thrown = await Assert.ThrowsAsync<EbsCredentialsException>(async () => await client.ListBlocksAsync(id, 0, null, 100, Token));
        Assert.Equal("ExpiredTokenException", thrown.Code);
        Assert.DoesNotContain(expired.SecretKey, thrown.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("session", thrown.ToString().Replace("upload", string.Empty, StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Equal(1, fake.Calls("ListSnapshotBlocks"));
    }

    [Fact]
    public async Task ExpiredCredentials_ThatWereRenewed_AreReadAgain()
    {
        FakeIdentity expired = new("AKIDOLD", "old") { Token = "old-session", ExpiresAt = DateTime.UnixEpoch };
        FakeIdentity renewed = new("AKIDNEW", "new") { Token = "new-session" };
        await using EbsFake fake = await EbsFake.StartAsync(new EbsFakeOptions { Identities = [expired, renewed] });
        string id = fake.AddSnapshot(1, new Dictionary<int, byte[]>());
        using RenewableCredentials credentials = new(expired, renewed);
        using EbsDirectClient client = EbsClients.For(fake, credentials: credentials);
        await client.ListBlocksAsync(id, 0, null, 100, Token);
        Assert.Equal(2, fake.Calls("ListSnapshotBlocks"));
    }

    [Theory]
    [InlineData("wrong key")]
    [InlineData("wrong region")]
    public async Task SignaturesThatDoNotHold_AreRefusedAsCredentials(string what)
    {
        await using EbsFake fake = await EbsFake.StartAsync();
        string id = fake.AddSnapshot(1, new Dictionary<int, byte[]>());
        using EbsDirectClient client = new(new EbsClientOptions
        {
            Region = what == "wrong region" ? "us-east-1" : fake.Region,
            Endpoint = fake.Endpoint,
            Credentials = new BasicAWSCredentials(EbsFakeOptions.DefaultAccessKey, what == "wrong key" ? "other" : EbsFakeOptions.DefaultSecretKey),
        });
        await Assert.ThrowsAsync<EbsCredentialsException>(async () => await client.ListBlocksAsync(id, 0, null, 100, Token));
        Assert.Equal(1, fake.Calls("ListSnapshotBlocks"));
    }

    [Fact]
    public async Task ASnapshotThatIsNotYetKnown_IsWaitedFor()
    {
        await using EbsFake fake = await EbsFake.StartAsync(new EbsFakeOptions { AppearanceDelay = TimeSpan.FromMilliseconds(300) });
        using EbsDirectClient client = EbsClients.For(fake, maxRetries: 20);
        (string id, _) = await WriteAsync(client, 2);
        Assert.True(fake[id].IsSealed);
        await Assert.ThrowsAsync<EbsSnapshotNotFoundException>(async () => await client.ListBlocksAsync("snap-0123", 0, null, 100, Token));
    }

    [Fact]
    public async Task AThrottlingStorm_LowersTheRateAndEnds()
    {
        long until = TimeProvider.System.GetTimestamp() + (TimeProvider.System.TimestampFrequency / 2);
        await using EbsFake fake = await EbsFake.StartAsync(new EbsFakeOptions
        {
            Fault = (operation, _) => operation == "PutSnapshotBlock" && TimeProvider.System.GetTimestamp() < until ? EbsFakeFault.Throttled : EbsFakeFault.None,
        });
        using EbsDirectClient client = EbsClients.For(fake, maxRetries: 20);
        (string id, _) = await WriteAsync(client, 60);
        Assert.True(client.RequestCounts.Throttled > 0);
        Assert.True(client.RateOf(EbsOperation.PutSnapshotBlock) < 500, $"{client.RateOf(EbsOperation.PutSnapshotBlock)}");
        Assert.Equal(60, fake[id].Written.Count);
    }

    [Fact]
    public async Task Cancellation_EndsACallThatHangs()
    {
        await using EbsFake fake = await EbsFake.StartAsync(new EbsFakeOptions { Fault = static (_, _) => EbsFakeFault.Hang });
        using EbsDirectClient client = EbsClients.For(fake);
        using CancellationTokenSource cancellation = new(TimeSpan.FromMilliseconds(200));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await client.ListBlocksAsync("snap-1", 0, null, 100, cancellation.Token));
    }

    [Fact]
    public async Task StartSnapshot_WhoseAnswerWasLost_BeginsOne()
    {
        await using EbsFake fake = await EbsFake.StartAsync(new EbsFakeOptions { Fault = static (_, number) => number == 1 ? EbsFakeFault.InternalErrorAfterwards : EbsFakeFault.None });
        using EbsDirectClient client = EbsClients.For(fake);
        await client.StartSnapshotAsync(new EbsStartRequest { VolumeSize = 1, ClientToken = "token" }, Token);
        Assert.Single(fake.SnapshotIds);
        await Assert.ThrowsAsync<EbsException>(async () => await client.StartSnapshotAsync(new EbsStartRequest { VolumeSize = 2, ClientToken = "token" }, Token));
    }

    private static async Task<(string Id, Dictionary<int, byte[]> Blocks)> WriteAsync(EbsDirectClient client, int count)
    {
        Random random = new(count);
        string id = await client.StartSnapshotAsync(new EbsStartRequest { VolumeSize = 1, ClientToken = Guid.NewGuid().ToString("N") }, Token);
        long until = client.AppearanceDeadline;
        Dictionary<int, byte[]> blocks = [];
        List<Task> puts = [];
        foreach (int index in Enumerable.Range(0, count).Select(static number => number * 13))
        {
            byte[] block = new byte[EbsConstants.BlockSize];
            random.NextBytes(block);
            blocks[index] = block;
            puts.Add(client.PutBlockAsync(id, index, block, new ContentDigest(SHA256.HashData(block)), until, Token).AsTask());
        }

        await Task.WhenAll(puts);
        byte[] linear = SHA256.HashData([.. blocks.OrderBy(static pair => pair.Key).SelectMany(static pair => SHA256.HashData(pair.Value))]);
        await client.CompleteSnapshotAsync(id, count, new ContentDigest(linear), until, Token);
        for (int poll = 0; ; poll++)
        {
            try
            {
                await client.ListBlocksAsync(id, 0, null, 100, Token);
                return (id, blocks);
            }
            catch (EbsException exception) when (exception.Code == "ValidationException" && poll < 10)
            {
                await Task.Delay(20, Token);
            }
        }
    }

    private sealed class RenewableCredentials(FakeIdentity first, FakeIdentity second) : RefreshingAWSCredentials
    {
        private int _generated;

        protected override CredentialsRefreshState GenerateNewCredentials()
        {
            FakeIdentity identity = Interlocked.Increment(ref _generated) == 1 ? first : second;
            return new CredentialsRefreshState(new ImmutableCredentials(identity.AccessKey, identity.SecretKey, identity.Token), DateTime.UtcNow.AddHours(1));
        }

        protected override Task<CredentialsRefreshState> GenerateNewCredentialsAsync() => Task.FromResult(GenerateNewCredentials());
    }
}
