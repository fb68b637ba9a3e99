using System;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Amazon.Runtime;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Snapshots;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Aws.Tests.S3;

/// <summary>A proxy before a real gateway breaks requests: a job is completed or ends in a clear error, and nothing committed is lost.</summary>
public sealed class S3FaultTests(RgwServer server)
{
    private static readonly ObjectRetryOptions s_quick = new() { MaximumAttempts = 8, FirstDelay = TimeSpan.FromMilliseconds(2), MaximumDelay = TimeSpan.FromMilliseconds(50) };

    private static readonly byte[] s_content = Content(200_000);

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
        await store.TryCreateAsync("p/two", s_content, ObjectCreateOptions.Default);
        proxy.Choose = Once("POST", fault);
        await store.DeleteAsync(["p/one", "p/two"]);
        Assert.Equal(0, await CountAsync(store));
    }

    [Fact]
    public async Task Storm_OfUnavailability_EndsInAClearErrorAfterTheAttempts()
    {
        await using FaultProxy proxy = new((await server.GetAsync()).Port);
        await using ObjectStore store = await OpenAsync(proxy, new ObjectRetryOptions { MaximumAttempts = 4, FirstDelay = TimeSpan.FromMilliseconds(1), MaximumDelay = TimeSpan.FromMilliseconds(20) });
        proxy.Choose = static _ => ProxyFault.Unavailable;
        proxy.UnavailableHeaders = "Content-Type: application/xml\r\nRetry-After: 7\r\n";
        int before = proxy.Requests.Count;
        ObjectStoreException exception = await Assert.ThrowsAsync<ObjectStoreException>(async () => await store.TryCreateAsync("p/one", s_content, ObjectCreateOptions.Default));
        Assert.Equal(4, proxy.Requests.Count - before);
        Assert.True(exception.IsTransient);
        Assert.Equal(TimeSpan.FromSeconds(7), exception.RetryAfter);
        Assert.Contains("503 SlowDown", exception.Message);
        Assert.Contains("p/one", exception.Message);
        proxy.Choose = static _ => ProxyFault.None;
        Assert.False(await store.ExistsAsync("p/one"));
    }

    [Fact]
    public async Task Storm_OfUnavailability_ThatPasses_IsWaitedOut()
    {
        await using FaultProxy proxy = new((await server.GetAsync()).Port);
        await using ObjectStore store = await OpenAsync(proxy, s_quick);
        int left = 5;
        proxy.Choose = _ => Interlocked.Decrement(ref left) >= 0 ? ProxyFault.Unavailable : ProxyFault.None;
        Assert.True(await store.TryCreateAsync("p/one", s_content, ObjectCreateOptions.Default));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Captures_ThroughARandomStorm_LoseNothingThatTheyAcknowledged(int seed)
    {
        TestServer rgw = await server.GetAsync();
        await using FaultProxy proxy = new(rgw.Port);
        S3ObjectStoreOptions options = RgwServer.Options(rgw, $"{Guid.NewGuid():n}", proxy.Address);
        ObjectStore store = new RetryingObjectStore(await S3ObjectStore.OpenAsync(options), s_quick);
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, SnapshotTestData.SmallChunks);
        Func<ProxiedRequest, ProxyFault> any = FaultProxy.Seeded(
            seed, 0.25, ProxyFault.ResetBeforeRequest, ProxyFault.ResetWithinRequest, ProxyFault.LoseResponse, ProxyFault.ResetWithinResponse, ProxyFault.TruncateResponse,
            ProxyFault.CorruptRequest, ProxyFault.Unavailable, ProxyFault.UnavailableAfterRequest);
        proxy.Choose = any;
        byte[] content = SnapshotTestData.Mixed(2 << 20, seed);
        Random random = new(seed);
        System.Collections.Generic.Dictionary<string, byte[]> acknowledged = [];
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
        TestServer rgw = await server.GetAsync();
        await using FaultProxy proxy = new(rgw.Port);
        ObjectStore store = new RetryingObjectStore(await S3ObjectStore.OpenAsync(RgwServer.Options(rgw, $"{Guid.NewGuid():n}", proxy.Address)), s_quick);
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(store, SnapshotTestData.SmallChunks);
        byte[] content = Content(1 << 20);
        CaptureResult result = await repository.CaptureAsync(new TestDisk(content), SnapshotTestData.Capture("disk"), null);
        proxy.Choose = static request => request.Method == "GET" && request.Target.Contains("/p/", StringComparison.Ordinal) ? ProxyFault.CorruptResponse : ProxyFault.None;
        await Assert.ThrowsAnyAsync<CloudImageException>(async () => await SnapshotTestData.ReadAllAsync(repository, result.Id));
        proxy.Choose = static _ => ProxyFault.None;
        Assert.Equal(content, await SnapshotTestData.ReadAllAsync(repository, result.Id));
    }

    [Fact]
    public async Task Credentials_ThatNoLongerHold_AreToldClearlyAndLookedForAgain()
    {
        TestServer rgw = await server.GetAsync();
        string user = $"u{Guid.NewGuid():n}";
        await server.AdministerAsync("user", "create", "--uid", user, "--display-name", user, "--access-key", user + "1", "--secret-key", "first-secret");
        string current = user + "1";
        string secret = "first-secret";
        int found = 0;
        S3ObjectStoreOptions options = new() { Bucket = user, Endpoint = new Uri(rgw["endpoint"]), Profile = S3ServiceProfile.Ceph, CreateBucket = true };

        // The bucket is made beforehand: making it can meet a passing fault, and a store that is opened by itself repeats nothing.
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                await using S3ObjectStore first = await S3ObjectStore.OpenAsync(options, () => new BasicAWSCredentials(current, secret), default);
                break;
            }
            catch (ObjectStoreException passing) when (passing.IsTransient && attempt < 5)
            {
                Assert.NotEmpty(passing.Message);
            }
        }

        await using ObjectStore store = new RetryingObjectStore(
            await S3ObjectStore.OpenAsync(
                options,
                () =>
                {
                    found++;
                    return new BasicAWSCredentials(current, secret);
                },
                default),
            s_quick);
        Assert.True(await store.TryCreateAsync("p/one", s_content, ObjectCreateOptions.Default));
        Assert.Equal(1, found);

        // The key is withdrawn, and nothing better is to be found yet.
        await server.AdministerAsync("key", "create", "--uid", user, "--key-type", "s3", "--access-key", user + "2", "--secret-key", "second-secret");
        await server.AdministerAsync("key", "rm", "--uid", user, "--key-type", "s3", "--access-key", user + "1");
        ObjectStoreException exception = await Assert.ThrowsAsync<ObjectStoreException>(async () => await store.TryCreateAsync("p/two", s_content, ObjectCreateOptions.Default));
        Assert.Contains("renew", exception.Message);
        Assert.False(exception.IsTransient);
        Assert.DoesNotContain("first-secret", exception.ToString());

        // The new one is where credentials are looked for: the next call goes through.
        current = user + "2";
        secret = "second-secret";
        Assert.True(await store.TryCreateAsync("p/two", s_content, ObjectCreateOptions.Default));
        Assert.Equal(s_content, await ReadAsync(store, "p/one"));
    }

    [Fact]
    public async Task ClockThatIsWrong_IsCorrectedByTheServicesOwn()
    {
        using SkewedService service = new(TimeSpan.FromHours(3), true);
        await using S3ObjectStore store = await OpenAsync(service);
        Assert.True(await store.TryCreateAsync("p/one", s_content, ObjectCreateOptions.Default));
        Assert.Equal(1, service.Refused);
        Assert.InRange(service.LastDate - DateTimeOffset.UtcNow, TimeSpan.FromMinutes(175), TimeSpan.FromMinutes(185));
        Assert.Equal(s_content, service.LastBody);
    }

    [Fact]
    public async Task ClockThatCannotBeCorrected_IsToldClearly()
    {
        using SkewedService service = new(TimeSpan.FromHours(3), false);
        ObjectStoreException exception = await Assert.ThrowsAsync<ObjectStoreException>(async () => await OpenAsync(service));
        Assert.Contains("clock", exception.Message);
        Assert.False(exception.IsTransient);
    }

    [Fact]
    public async Task Conflict_OfTwoCreationsAtOnce_IsTriedAgain()
    {
        using ConflictingService service = new();
        await using S3ObjectStore inner = await OpenAsync(service);
        service.Begin();
        ObjectStoreException exception = await Assert.ThrowsAsync<ObjectStoreException>(async () => await inner.TryCreateAsync("p/one", s_content, ObjectCreateOptions.Default));
        Assert.True(exception.IsTransient);
        service.Begin();
        await using RetryingObjectStore store = new(await OpenAsync(service), s_quick);
        Assert.True(await store.TryCreateAsync("p/one", s_content, ObjectCreateOptions.Default));
    }

    [Fact]
    public async Task Create_InPartsOfATakenName_IsGivenUpAndToldAsTaken()
    {
        using PartsService service = new();
        S3ObjectStoreOptions options = new()
        {
            Bucket = "bucket", Endpoint = new Uri("http://fake.invalid"), Profile = S3ServiceProfile.Ceph.WithConditionalMultipart(), Credentials = RgwServer.Credentials,
            Handler = service, SinglePutLength = 5 << 20,
        };
        await using S3ObjectStore store = await S3ObjectStore.OpenAsync(options);
        Assert.False(await store.TryCreateAsync("p/long", new byte[40 << 20], ObjectCreateOptions.Default));
        Assert.Equal("*", service.Condition);
        Assert.Equal(3, service.Parts);
        Assert.Equal(1, service.Aborts);
    }

    private static byte[] Content(int length)
    {
        byte[] content = new byte[length];
        new Random(length).NextBytes(content);
        return content;
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

    private static ValueTask<S3ObjectStore> OpenAsync(HttpMessageHandler service) => S3ObjectStore.OpenAsync(new S3ObjectStoreOptions
    {
        Bucket = "bucket", Endpoint = new Uri($"http://{Guid.NewGuid():n}.invalid"), Profile = S3ServiceProfile.Ceph, Credentials = RgwServer.Credentials, Handler = service,
    });

    private async Task<ObjectStore> OpenAsync(FaultProxy proxy, ObjectRetryOptions retry) =>
        new RetryingObjectStore(await S3ObjectStore.OpenAsync(RgwServer.Options(await server.GetAsync(), $"{Guid.NewGuid():n}", proxy.Address)), retry);

    /// <summary>Answers as the protocol has it, and no more.</summary>
    private abstract class Service : HttpMessageHandler
    {
        protected static HttpResponseMessage Refuse(HttpStatusCode status, string code) => new(status)
        {
            Content = new StringContent($"<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>No.</Message></Error>", Encoding.UTF8, "application/xml"),
        };

        protected static HttpResponseMessage Answer(string xml) => new(HttpStatusCode.OK) { Content = new StringContent(xml, Encoding.UTF8, "application/xml") };

        protected static bool IsProbe(HttpRequestMessage request) => request.RequestUri!.AbsolutePath.EndsWith(".cloudimage-probe", StringComparison.Ordinal);
    }

    /// <summary>A service whose clock is ahead, and that holds callers to it.</summary>
    private sealed class SkewedService(TimeSpan ahead, bool tellsTime) : Service
    {
        public int Refused { get; private set; }

        public DateTimeOffset LastDate { get; private set; }

        public byte[] LastBody { get; private set; } = [];

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            string date = request.Headers.GetValues("x-amz-date").Single();
            LastDate = DateTimeOffset.ParseExact(date, "yyyyMMdd'T'HHmmss'Z'", null, System.Globalization.DateTimeStyles.AssumeUniversal);
            DateTimeOffset now = DateTimeOffset.UtcNow + ahead;
            LastBody = request.Content is null ? [] : await request.Content.ReadAsByteArrayAsync(cancellationToken);
            bool isSkewed = (LastDate - now).Duration() > TimeSpan.FromMinutes(15);
            Refused += isSkewed ? 1 : 0;
            HttpResponseMessage response = isSkewed ? Refuse(HttpStatusCode.Forbidden, "RequestTimeTooSkewed")
                : IsProbe(request) ? Refuse(HttpStatusCode.PreconditionFailed, "PreconditionFailed") : Answer(string.Empty);
            if (tellsTime)
            {
                response.Headers.Date = now;
            }

            return response;
        }
    }

    /// <summary>A service that tells the first of two creations that another one is under way.</summary>
    private sealed class ConflictingService : Service
    {
        private bool _conflicts;

        public void Begin() => _conflicts = true;

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            bool conflicts = _conflicts && !IsProbe(request);
            _conflicts = _conflicts && !conflicts;
            return Task.FromResult(conflicts ? Refuse(HttpStatusCode.Conflict, "ConditionalRequestConflict")
                : IsProbe(request) ? Refuse(HttpStatusCode.PreconditionFailed, "PreconditionFailed") : Answer(string.Empty));
        }
    }

    /// <summary>A service that takes parts, and finds the name taken when they are put together.</summary>
    private sealed class PartsService : Service
    {
        private int _parts;

        public int Parts => _parts;

        public int Aborts { get; private set; }

        public string? Condition { get; private set; }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            string query = request.RequestUri!.Query;
            if (IsProbe(request))
            {
                return Task.FromResult(Refuse(HttpStatusCode.PreconditionFailed, "PreconditionFailed"));
            }

            if (request.Method == HttpMethod.Post && query.Contains("uploads", StringComparison.Ordinal))
            {
                return Task.FromResult(Answer("<InitiateMultipartUploadResult><UploadId>one</UploadId></InitiateMultipartUploadResult>"));
            }

            if (request.Method == HttpMethod.Put)
            {
                HttpResponseMessage taken = Answer(string.Empty);
                taken.Headers.ETag = new System.Net.Http.Headers.EntityTagHeaderValue($"\"{Interlocked.Increment(ref _parts)}\"");
                return Task.FromResult(taken);
            }

            if (request.Method == HttpMethod.Delete)
            {
                Aborts++;
                return Task.FromResult(new HttpResponseMessage(HttpStatusCode.NoContent));
            }

            Condition = request.Headers.TryGetValues("If-None-Match", out System.Collections.Generic.IEnumerable<string>? values) ? values.Single() : null;
            return Task.FromResult(Refuse(HttpStatusCode.PreconditionFailed, "PreconditionFailed"));
        }
    }
}
