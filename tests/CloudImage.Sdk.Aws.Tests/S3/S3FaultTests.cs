using System;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Amazon.Runtime;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Storage;
using CloudImage.Sdk.Tests.Support;
using Xunit;

namespace CloudImage.Sdk.Aws.Tests.S3;

/// <summary>A real gateway behind a proxy that breaks requests; credentials, clocks and conflicts, which are the service's own.</summary>
public sealed class S3FaultTests(RgwServer server) : StoreFaultTests
{
    protected override (string Method, bool HasBody) Deletion => ("POST", true);

    protected override string Busy => "503 SlowDown";

    protected override async ValueTask<int> PortAsync() => (await server.GetAsync()).Port;

    protected override async Task<ObjectStore> OpenAsync(FaultProxy proxy, ObjectRetryOptions retry) =>
        new RetryingObjectStore(await S3ObjectStore.OpenAsync(RgwServer.Options(await server.GetAsync(), $"{Guid.NewGuid():n}", proxy.Address)), retry);

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
        await using ObjectStore store = new RetryingObjectStore(
            await S3ObjectStore.OpenAsync(
                options,
                () =>
                {
                    found++;
                    return new BasicAWSCredentials(current, secret);
                },
                default),
            Quick);
        Assert.True(await store.TryCreateAsync("p/one", Content, ObjectCreateOptions.Default));
        Assert.Equal(1, found);

        // The key is withdrawn, and nothing better is to be found yet.
        await server.AdministerAsync("key", "create", "--uid", user, "--key-type", "s3", "--access-key", user + "2", "--secret-key", "second-secret");
        await server.AdministerAsync("key", "rm", "--uid", user, "--key-type", "s3", "--access-key", user + "1");
        ObjectStoreException exception = await Assert.ThrowsAsync<ObjectStoreException>(async () => await store.TryCreateAsync("p/two", Content, ObjectCreateOptions.Default));
        Assert.Contains("renew", exception.Message);
        Assert.False(exception.IsTransient);
        Assert.DoesNotContain("first-secret", exception.ToString());

        // The new one is where credentials are looked for: the next call goes through.
        current = user + "2";
        secret = "second-secret";
        Assert.True(await store.TryCreateAsync("p/two", Content, ObjectCreateOptions.Default));
        Assert.Equal(Content, await ReadAsync(store, "p/one"));
    }

    [Fact]
    public async Task ClockThatIsWrong_IsCorrectedByTheServicesOwn()
    {
        using SkewedService service = new(TimeSpan.FromHours(3), true);
        await using S3ObjectStore store = await OpenAsync(service);
        Assert.True(await store.TryCreateAsync("p/one", Content, ObjectCreateOptions.Default));
        Assert.Equal(1, service.Refused);
        Assert.InRange(service.LastDate - DateTimeOffset.UtcNow, TimeSpan.FromMinutes(175), TimeSpan.FromMinutes(185));
        Assert.Equal(Content, service.LastBody);
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
        ObjectStoreException exception = await Assert.ThrowsAsync<ObjectStoreException>(async () => await inner.TryCreateAsync("p/one", Content, ObjectCreateOptions.Default));
        Assert.True(exception.IsTransient);
        service.Begin();
        await using RetryingObjectStore store = new(await OpenAsync(service), Quick);
        Assert.True(await store.TryCreateAsync("p/one", Content, ObjectCreateOptions.Default));
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

    private static ValueTask<S3ObjectStore> OpenAsync(HttpMessageHandler service) => S3ObjectStore.OpenAsync(new S3ObjectStoreOptions
    {
        Bucket = "bucket", Endpoint = new Uri($"http://{Guid.NewGuid():n}.invalid"), Profile = S3ServiceProfile.Ceph, Credentials = RgwServer.Credentials, Handler = service,
    });

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
