using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Snapshots;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Tests.Storage;

/// <summary>A proxy before a real server breaks requests: a job is completed or ends in a clear error, and nothing committed is lost. The tests of each store derive from it.</summary>
public abstract class StoreFaultTests
{
    /// <summary>Retries that do not keep a test waiting.</summary>
    protected static ObjectRetryOptions Quick { get; } = new() { MaximumAttempts = 8, FirstDelay = TimeSpan.FromMilliseconds(2), MaximumDelay = TimeSpan.FromMilliseconds(50) };

    /// <summary>What the tests create.</summary>
    protected static byte[] Content { get; } = SnapshotTestData.Mixed(200_000, 3);

    /// <summary>The method of the request that deletes, and whether its answer has a body.</summary>
    protected abstract (string Method, bool HasBody) Deletion { get; }

    /// <summary>How an error tells that the service refused for now.</summary>
    protected abstract string Busy { get; }

    /// <summary>Port of the server on loopback.</summary>
    protected abstract ValueTask<int> PortAsync();

    /// <summary>Opens a place that nobody has used, through the proxy.</summary>
    protected abstract Task<ObjectStore> OpenAsync(FaultProxy proxy, ObjectRetryOptions retry);

    /// <summary>Makes the proxy refuse as the service does.</summary>
    protected virtual void AnswerAsTheService(FaultProxy proxy, string headers) => proxy.UnavailableHeaders = headers;

    [Theory]
    [InlineData(ProxyFault.ResetBeforeRequest)]
    [InlineData(ProxyFault.ResetWithinRequest)]
    [InlineData(ProxyFault.LoseResponse)]
    [InlineData(ProxyFault.CorruptRequest)]
    [InlineData(ProxyFault.Unavailable)]
    [InlineData(ProxyFault.UnavailableAfterRequest)]
    public async Task Create_ThatBreaksOnce_IsMadeAndToldAsMade(ProxyFault fault)
    {
        await using FaultProxy proxy = new(await PortAsync());
        await using ObjectStore store = await OpenAsync(proxy, Quick);
        proxy.Choose = Once("PUT", fault);
        Assert.True(await store.TryCreateAsync("p/one", Content, ObjectCreateOptions.Default));
        Assert.Contains(proxy.Requests, request => request.Fault == fault);
        Assert.Equal(Content, await ReadAsync(store, "p/one"));
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
        await using FaultProxy proxy = new(await PortAsync());
        await using ObjectStore store = await OpenAsync(proxy, Quick);
        await store.TryCreateAsync("p/one", Content, ObjectCreateOptions.Default);
        proxy.Choose = Once("GET", fault);
        Assert.Equal(Content, await ReadAsync(store, "p/one"));
        proxy.Choose = Once("GET", fault);
        Assert.Equal(1, await CountAsync(store));
        proxy.Choose = Once("HEAD", WithoutBody(fault));
        Assert.Equal(Content.Length, (await store.GetInfoAsync("p/one"))!.Length);
        await store.TryCreateAsync("p/two", Content, ObjectCreateOptions.Default);
        proxy.Choose = Once(Deletion.Method, Deletion.HasBody ? fault : WithoutBody(fault));
        await store.DeleteAsync(["p/one", "p/two"]);
        Assert.Equal(0, await CountAsync(store));
    }

    [Fact]
    public async Task Storm_OfUnavailability_EndsInAClearErrorAfterTheAttempts()
    {
        await using FaultProxy proxy = new(await PortAsync());
        await using ObjectStore store = await OpenAsync(proxy, new ObjectRetryOptions { MaximumAttempts = 4, FirstDelay = TimeSpan.FromMilliseconds(1), MaximumDelay = TimeSpan.FromMilliseconds(20) });
        proxy.Choose = static _ => ProxyFault.Unavailable;
        AnswerAsTheService(proxy, "Content-Type: application/xml\r\nRetry-After: 7\r\n");
        int before = proxy.Requests.Count;
        ObjectStoreException exception = await Assert.ThrowsAsync<ObjectStoreException>(async () => await store.TryCreateAsync("p/one", Content, ObjectCreateOptions.Default));
        Assert.Equal(4, proxy.Requests.Count - before);
        Assert.True(exception.IsTransient);
        Assert.Equal(TimeSpan.FromSeconds(7), exception.RetryAfter);
        Assert.Contains(Busy, exception.Message, StringComparison.Ordinal);
        Assert.Contains("p/one", exception.Message, StringComparison.Ordinal);
        proxy.Choose = static _ => ProxyFault.None;
        Assert.False(await store.ExistsAsync("p/one"));
    }

    [Fact]
    public async Task Storm_OfUnavailability_ThatPasses_IsWaitedOut()
    {
        await using FaultProxy proxy = new(await PortAsync());
        await using ObjectStore store = await OpenAsync(proxy, Quick);
        int left = 5;
        proxy.Choose = _ => Interlocked.Decrement(ref left) >= 0 ? ProxyFault.Unavailable : ProxyFault.None;
        Assert.True(await store.TryCreateAsync("p/one", Content, ObjectCreateOptions.Default));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Captures_ThroughARandomStorm_LoseNothingThatTheyAcknowledged(int seed)
    {
        await using FaultProxy proxy = new(await PortAsync());
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(await OpenAsync(proxy, Quick), SnapshotTestData.SmallChunks);
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
        Assert.Contains(proxy.Requests, static request => request.Fault != ProxyFault.None);
        foreach ((string id, byte[] expected) in acknowledged)
        {
            Assert.Equal(expected, await SnapshotTestData.ReadAllAsync(repository, id));
        }

        VerifyResult verified = await repository.VerifyAsync(new VerifyOptions { Level = VerifyLevel.Content }, null);
        Assert.True(verified.IsHealthy, $"seed {seed}: {string.Join("; ", verified.Problems)}");
    }

    [Fact]
    public async Task Read_OfCorruptedData_IsFoundByTheRepository()
    {
        await using FaultProxy proxy = new(await PortAsync());
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(await OpenAsync(proxy, Quick), SnapshotTestData.SmallChunks);
        byte[] content = new byte[1 << 20];
        new Random(content.Length).NextBytes(content);
        CaptureResult result = await repository.CaptureAsync(new TestDisk(content), SnapshotTestData.Capture("disk"), null);
        proxy.Choose = static request => request.Method == "GET" && request.Target.Contains("/p/", StringComparison.Ordinal) ? ProxyFault.CorruptResponse : ProxyFault.None;
        await Assert.ThrowsAnyAsync<CloudImageException>(async () => await SnapshotTestData.ReadAllAsync(repository, result.Id));
        proxy.Choose = static _ => ProxyFault.None;
        Assert.Equal(content, await SnapshotTestData.ReadAllAsync(repository, result.Id));
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

    protected static async Task<byte[]> ReadAsync(ObjectStore store, string name)
    {
        byte[] content = new byte[Content.Length];
        Assert.Equal(content.Length, await store.ReadAsync(name, content, 0));
        return content;
    }

    // What has no body cannot break off within it.
    private static ProxyFault WithoutBody(ProxyFault fault) =>
        fault is ProxyFault.ResetWithinResponse or ProxyFault.TruncateResponse ? ProxyFault.LoseResponse : fault;

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
}
