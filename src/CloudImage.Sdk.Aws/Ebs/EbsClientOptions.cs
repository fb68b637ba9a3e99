using System;
using System.Net.Http;
using Amazon.Runtime;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>Where EBS direct is, who asks, and how hard. Immutable.</summary>
public sealed class EbsClientOptions
{
    /// <summary>Name of the region, such as <c>eu-central-1</c>.</summary>
    /// <value>The default value is <see langword="null"/>: the region of the environment or of the shared configuration.</value>
    public string? Region { get; init; }

    /// <summary>Address of the service, http or https, for private endpoints and for tests.</summary>
    /// <value>The default value is <see langword="null"/>: the region's own endpoint, over https.</value>
    public Uri? Endpoint { get; init; }

    /// <summary>Whether the region's FIPS endpoint is used; not together with <see cref="Endpoint"/>.</summary>
    /// <value>The default value is <see langword="false"/>.</value>
    public bool UseFipsEndpoint { get; init; }

    /// <summary>Who asks. Asked anew for every request, so that what refreshes itself is always fresh.</summary>
    /// <value>The default value is <see langword="null"/>: the vendor's default chain (environment, shared files, container, instance).</value>
    public AWSCredentials? Credentials { get; init; }

    /// <summary>What the requests go through; not owned. Null makes one with as many connections as <see cref="MaxConcurrentRequests"/>.</summary>
    /// <value>The default value is <see langword="null"/>.</value>
    public HttpMessageHandler? Handler { get; init; }

    /// <summary>How many requests are under way at once.</summary>
    /// <value>The default value is 64; 100 at 100 ms of latency reach the quota of 1000 blocks a second.</value>
    public int MaxConcurrentRequests { get; init; } = 64;

    /// <summary>The account's quota of blocks read a second. Nine tenths of it are used, and at most as much of one snapshot as is published.</summary>
    /// <value>The default value is 1000, the published default.</value>
    public int GetQuotaPerSecond { get; init; } = 1000;

    /// <summary>The account's quota of blocks written a second. Nine tenths of it are used, and at most as much to one snapshot as is published.</summary>
    /// <value>The default value is 1000, the published default.</value>
    public int PutQuotaPerSecond { get; init; } = 1000;

    /// <summary>The account's quota of pages listed a second, of which nine tenths are used.</summary>
    /// <value>The default value is 50, the published default.</value>
    public int ListQuotaPerSecond { get; init; } = 50;

    /// <summary>The account's quota of snapshots begun, and of those completed, a second, of which nine tenths are used.</summary>
    /// <value>The default value is 10, the published default.</value>
    public int SnapshotQuotaPerSecond { get; init; } = 10;

    /// <summary>How often a call is made again that failed in passing.</summary>
    /// <value>The default value is 8.</value>
    public int MaxRetries { get; init; } = 8;

    /// <summary>How long the first wait before a retry is about; each further one about twice as long, with a random part.</summary>
    /// <value>The default value is 200 ms.</value>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>The longest wait before a retry, whatever the service asks for.</summary>
    /// <value>The default value is 20 s.</value>
    public TimeSpan MaxRetryDelay { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long one request may take, with its body.</summary>
    /// <value>The default value is 60 s.</value>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long after its beginning a snapshot may be unknown to the service: so long the answer that it does not exist is not believed.</summary>
    /// <value>The default value is 30 s.</value>
    public TimeSpan SnapshotAppearanceTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The clock of signatures, waits and timeouts.</summary>
    /// <value>The default value is <see cref="TimeProvider.System"/>.</value>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxConcurrentRequests, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxConcurrentRequests, 10_000);
        ArgumentOutOfRangeException.ThrowIfLessThan(GetQuotaPerSecond, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(PutQuotaPerSecond, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(ListQuotaPerSecond, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(SnapshotQuotaPerSecond, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(MaxRetries);
        ArgumentOutOfRangeException.ThrowIfLessThan(RetryDelay, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxRetryDelay, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(RequestTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(SnapshotAppearanceTimeout, TimeSpan.Zero);
        ArgumentNullException.ThrowIfNull(TimeProvider);
        if (Endpoint is not null && (!Endpoint.IsAbsoluteUri || (Endpoint.Scheme != Uri.UriSchemeHttp && Endpoint.Scheme != Uri.UriSchemeHttps) || Endpoint.Query.Length > 0 || Endpoint.UserInfo.Length > 0))
        {
            throw new ArgumentException("The endpoint is no absolute address of http or https without a query and without a user.", nameof(Endpoint));
        }

        if (Endpoint is not null && UseFipsEndpoint)
        {
            throw new ArgumentException("A given endpoint and the region's FIPS endpoint exclude each other.", nameof(UseFipsEndpoint));
        }
    }
}
