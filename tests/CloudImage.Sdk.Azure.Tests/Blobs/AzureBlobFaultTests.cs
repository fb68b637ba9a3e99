using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Snapshots;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Azure.Tests.Blobs;

/// <summary>A proxy before Azurite breaks requests: a job is completed or ends in a clear error, and nothing committed is lost.</summary>
public sealed class AzureBlobFaultTests(AzuriteServer server)
{
    private static readonly ObjectRetryOptions s_quick = new() { MaximumAttempts = 8, FirstDelay = TimeSpan.FromMilliseconds(2), MaximumDelay = TimeSpan.FromMilliseconds(50) };

    private static readonly byte[] s_content = SnapshotTestData.Mixed(200_000, 3);

    [Theory]
    [InlineData(ProxyFault.ResetBeforeRequest)]
    [InlineData(ProxyFault.ResetWithinRequest)]
    [InlineData(ProxyFault.LoseResponse)]
    [InlineData(ProxyFault.CorruptRequest)]
    [InlineData(ProxyFault.Unavailable)]
    [InlineData(ProxyFault.UnavailableAfterRequest)]
    public async Task Create_ThatBreaksOnce_IsMadeAndToldAsMade(ProxyFault fault)
    {
        await using FaultProxy proxy = new((await server.GetAsync()).Port);
        await using ObjectStore store = await OpenAsync(proxy, s_quick);
        proxy.Choose = Once("PUT", fault);
        Assert.True(await store.TryCreateAsync("p/one", s_content, ObjectCreateOptions.Default));
        Assert.Contains(proxy.Requests, request => request.Fault == fault);
        Assert.Equal(s_content, await ReadAsync(store, "p/one"));
        Assert.False(await store.TryCreateAsync("p/one", new byte[1], ObjectCreateOptions.Default));
    }

    [Theory]
    [InlineData(ProxyFault.ResetBeforeRequest)]
    [InlineData(ProxyFault.LoseResponse)]
    [InlineData(ProxyFault.ResetWithinResponse)]
    [InlineData(ProxyFault.TruncateResponse)]
    [InlineData(ProxyFault.Unavailable)]
    public async Task Read_ThatBreaksOnce_IsMadeAgain(ProxyFault fault)
    {
        await using FaultProxy proxy = new((await server.GetAsync()).Port);
        await using ObjectStore store = await OpenAsync(proxy, s_quick);
        await store.TryCreateAsync("p/one", s_content, ObjectCreateOptions.Default);
        proxy.Choose = Once("GET", fault);
        Assert.Equal(s_content, await ReadAsync(store, "p/one"));
        proxy.Choose = Once("GET", fault);
        Assert.Equal(1, await CountAsync(store));
        proxy.Choose = Once("HEAD", fault is ProxyFault.ResetWithinResponse or ProxyFault.TruncateResponse ? ProxyFault.LoseResponse : fault);
        Assert.Equal(s_content.Length, (await store.GetInfoAsync("p/one"))!.Length);
        proxy.Choose = Once("DELETE", fault is ProxyFault.ResetWithinResponse or ProxyFault.TruncateResponse ? ProxyFault.LoseResponse : fault);
        await store.DeleteAsync(["p/one", "p/two"]);
        Assert.Equal(0, await CountAsync(store));
    }

    [Fact]
    public async Task Storm_OfUnavailability_EndsInAClearErrorAfterTheAttempts()
    {
        await using FaultProxy proxy = new((await server.GetAsync()).Port);
        await using ObjectStore store = await OpenAsync(proxy, new ObjectRetryOptions { MaximumAttempts = 4, FirstDelay = TimeSpan.FromMilliseconds(1), MaximumDelay = TimeSpan.FromMilliseconds(20) });
        proxy.UnavailableHeaders = "Content-Type: application/xml\r\nRetry-After: 7\r\nx-ms-error-code: ServerBusy\r\n";
        proxy.UnavailableBody = "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>ServerBusy</Code><Message>The server is busy.</Message></Error>";
        proxy.Choose = static _ => ProxyFault.Unavailable;
        int before = proxy.Requests.Count;
        ObjectStoreException exception = await Assert.ThrowsAsync<ObjectStoreException>(async () => await store.TryCreateAsync("p/one", s_content, ObjectCreateOptions.Default));
        Assert.Equal(4, proxy.Requests.Count - before);
        Assert.True(exception.IsTransient);
        Assert.Equal(TimeSpan.FromSeconds(7), exception.RetryAfter);
        Assert.Contains("503 ServerBusy", exception.Message, StringComparison.Ordinal);
        proxy.Choose = static _ => ProxyFault.None;
        Assert.False(await store.ExistsAsync("p/one"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Captures_ThroughARandomStorm_LoseNothingThatTheyAcknowledged(int seed)
    {
        await using FaultProxy proxy = new((await server.GetAsync()).Port);
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(await OpenAsync(proxy, s_quick), SnapshotTestData.SmallChunks);
        proxy.Choose = FaultProxy.Seeded(
            seed, 0.25, ProxyFault.ResetBeforeRequest, ProxyFault.ResetWithinRequest, ProxyFault.LoseResponse, ProxyFault.ResetWithinResponse, ProxyFault.TruncateResponse,
            ProxyFault.CorruptRequest, ProxyFault.Unavailable, ProxyFault.UnavailableAfterRequest);
        byte[] content = SnapshotTestData.Mixed(2 << 20, seed);
        Random random = new(seed);
        Dictionary<string, byte[]> acknowledged = [];
        for (int round = 0; round < 4; round++)
        {
            random.NextBytes(content.AsSpan(random.Next(content.Length - 100_000), 100_000));
            try
            {
                CaptureResult result = await repository.CaptureAsync(new TestDisk([.. content]), SnapshotTestData.Capture("disk"), null);
                acknowledged.Add(result.Id, [.. content]);
            }
            catch (CloudImageException exception)
            {
                Assert.False(string.IsNullOrWhiteSpace(exception.Message), $"seed {seed}");
            }
        }

        proxy.Choose = static _ => ProxyFault.None;
        Assert.True(acknowledged.Count > 0, $"seed {seed}: nothing went through");
        foreach ((string id, byte[] expected) in acknowledged)
        {
            Assert.Equal(expected, await SnapshotTestData.ReadAllAsync(repository, id));
        }

        VerifyResult verified = await repository.VerifyAsync(new VerifyOptions { Level = VerifyLevel.Content }, null);
        Assert.True(verified.IsHealthy, $"seed {seed}: {string.Join("; ", verified.Problems)}");
    }

    private static Func<ProxiedRequest, ProxyFault> Once(string method, ProxyFault fault)
    {
        bool isDone = false;
        return request =>
        {
            if (isDone || request.Method != method)
            {
                return ProxyFault.None;
            }

            isDone = true;
            return fault;
        };
    }

    private static async Task<byte[]> ReadAsync(ObjectStore store, string name)
    {
        byte[] content = new byte[s_content.Length];
        Assert.Equal(content.Length, await store.ReadAsync(name, content, 0));
        return content;
    }

    private static async Task<int> CountAsync(ObjectStore store)
    {
        int count = 0;
        await foreach (ObjectInfo info in store.ListAsync(string.Empty, null))
        {
            Assert.NotNull(info);
            count++;
        }

        return count;
    }

    private async Task<ObjectStore> OpenAsync(FaultProxy proxy, ObjectRetryOptions retry)
    {
        AzureBlobObjectStoreOptions known = await server.NewOptionsAsync(create: true);
        AzureBlobObjectStoreOptions through = new()
        {
            Endpoint = new Uri(proxy.Address, known.Endpoint.AbsolutePath), Container = known.Container, Prefix = known.Prefix, Key = known.Key, CreateContainer = true,
        };
        return new RetryingObjectStore(await AzureBlobObjectStore.OpenAsync(through), retry);
    }
}
