using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Net;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Threading;
using System.Threading.Tasks;
using Amazon;
using Amazon.Runtime;
using Amazon.Runtime.Credentials;
using Polly;
using Polly.Retry;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>The way to EBS direct: signed requests, retried, within the quotas. What disks and writers of snapshots work through.</summary>
/// <remarks>
/// <para>One client stands for one account and region: quotas are counted in it, so everything that works there at once shares it. A rate
/// halves when the service throttles, and comes back by a twentieth of the whole a second.</para>
/// <para>Over https the body of a block stays out of the signature, as the protocol has it, and is guarded by its SHA-256; over http
/// it is signed. A clock that is wrong is corrected by the service's own.</para>
/// <para>Every member may be called from several threads at once. Dispose it after what uses it.</para>
/// </remarks>
public sealed partial class EbsDirectClient : IDisposable
{
    private const double QuotaPart = 0.9;
    private const int SnapshotQuotaPerSecond = 1000;
    private const int MaxSnapshotLimiters = 1024;

    private static readonly TimeSpan s_smallSkew = TimeSpan.FromSeconds(60);

    // A clock that is further off than this is not the one to go by.
    private static readonly TimeSpan s_largestSkew = TimeSpan.FromDays(36_500);

    private readonly EbsClientOptions _options;
    private readonly TimeProvider _time;
    private readonly Uri _endpoint;
    private readonly string _region;
    private readonly string _basePath;
    private readonly DefaultAWSCredentialsIdentityResolver? _resolver;
    private readonly HttpClient _client;
    private readonly SemaphoreSlim _slots;
    private readonly ResiliencePipeline _pipeline;
    private readonly EbsRateLimiter[] _limiters;
    private readonly ConcurrentDictionary<(EbsOperation Operation, string SnapshotId), EbsRateLimiter> _snapshotLimiters = new();
    private readonly long[] _counts = new long[6];
    private long _retries;
    private long _throttled;
    private long _clockCorrection;
    private bool _isDisposed;

    /// <summary>Makes a client. Nothing is asked yet.</summary>
    /// <param name="options">Where, who and how hard.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    /// <exception cref="EbsException">No region is given, and neither the environment nor the shared configuration names one.</exception>
    public EbsDirectClient(EbsClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _options = options;
        _time = options.TimeProvider;
        _region = options.Region ?? FallbackRegionFactory.GetRegionEndpoint()?.SystemName
            ?? throw new EbsException("No region is known: name it, set AWS_REGION, or put one into the shared configuration.");
        _endpoint = options.Endpoint ?? DefaultEndpoint(_region, options.UseFipsEndpoint);
        _basePath = _endpoint.AbsolutePath.TrimEnd('/');
        _resolver = options.Credentials is null ? new DefaultAWSCredentialsIdentityResolver() : null;
        _client = new HttpClient(options.Handler ?? NewHandler(options), options.Handler is null) { Timeout = Timeout.InfiniteTimeSpan };
        _slots = new SemaphoreSlim(options.MaxConcurrentRequests, options.MaxConcurrentRequests);
        _limiters =
        [
            new(options.SnapshotQuotaPerSecond * QuotaPart, _time), new(options.PutQuotaPerSecond * QuotaPart, _time), new(options.SnapshotQuotaPerSecond * QuotaPart, _time),
            new(options.ListQuotaPerSecond * QuotaPart, _time), new(options.ListQuotaPerSecond * QuotaPart, _time), new(options.GetQuotaPerSecond * QuotaPart, _time),
        ];
        _pipeline = NewPipeline();
    }

    /// <summary>Name of the region.</summary>
    public string Region => _region;

    /// <summary>Address of the service.</summary>
    public Uri Endpoint => _endpoint;

    /// <summary>The requests made so far, by kind.</summary>
    public EbsRequestCounts RequestCounts => new(
        Count(EbsOperation.StartSnapshot), Count(EbsOperation.PutSnapshotBlock), Count(EbsOperation.CompleteSnapshot),
        Count(EbsOperation.ListSnapshotBlocks), Count(EbsOperation.ListChangedBlocks), Count(EbsOperation.GetSnapshotBlock),
        Interlocked.Read(ref _retries), Interlocked.Read(ref _throttled));

    /// <summary>How many requests may be under way at once.</summary>
    internal int MaxConcurrentRequests => _options.MaxConcurrentRequests;

    internal TimeProvider Time => _time;

    /// <summary>The time as the service has it, as far as it is known.</summary>
    internal DateTimeOffset ServiceTime => _time.GetUtcNow() + TimeSpan.FromTicks(Interlocked.Read(ref _clockCorrection));

    /// <summary>Until when a snapshot that begins now may be unknown to the service.</summary>
    internal long AppearanceDeadline => _time.GetTimestamp() + (long)(_options.SnapshotAppearanceTimeout.TotalSeconds * _time.TimestampFrequency);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            _client.Dispose();
            _slots.Dispose();
            _resolver?.Dispose();
        }
    }

    /// <summary>The rate of an operation at this moment, a second.</summary>
    internal double RateOf(EbsOperation operation) => _limiters[(int)operation].Rate;

    private static Uri DefaultEndpoint(string region, bool useFips) =>
        new($"https://{(useFips ? "ebs-fips" : "ebs")}.{region}.{RegionEndpoint.GetBySystemName(region).PartitionDnsSuffix}");

    private static SocketsHttpHandler NewHandler(EbsClientOptions options) => new()
    {
        MaxConnectionsPerServer = options.MaxConcurrentRequests,
        PooledConnectionLifetime = TimeSpan.FromMinutes(10),
        ConnectTimeout = options.RequestTimeout,
        AutomaticDecompression = DecompressionMethods.None,
        AllowAutoRedirect = false,
        UseCookies = false,
    };

    private ResiliencePipeline NewPipeline()
    {
        ResiliencePipelineBuilder builder = new() { TimeProvider = _time };
        if (_options.MaxRetries == 0)
        {
            return builder.Build();
        }

        return builder.AddRetry(new RetryStrategyOptions
        {
            MaxRetryAttempts = _options.MaxRetries,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = _options.RetryDelay,
            MaxDelay = _options.MaxRetryDelay,
            ShouldHandle = static arguments => ValueTask.FromResult(arguments.Outcome.Exception is EbsException { IsTransient: true }),
            DelayGenerator = arguments => ValueTask.FromResult(Delay(arguments.Outcome.Exception)),
            OnRetry = _ =>
            {
                Interlocked.Increment(ref _retries);
                return ValueTask.CompletedTask;
            },
        }).Build();
    }

    // What the service asks for, up to the bound; null leaves the choice to the jittered backoff.
    private TimeSpan? Delay(Exception? fault) =>
        fault is EbsException { RetryAfter: { } asked } ? asked < _options.MaxRetryDelay ? asked : _options.MaxRetryDelay : null;

    private long Count(EbsOperation operation) => Interlocked.Read(ref _counts[(int)operation]);

    private async ValueTask<TResult> SendAsync<TState, TResult>(
        EbsCall call, TState state, Func<HttpResponseMessage, EbsCall, TState, CancellationToken, ValueTask<TResult>> read, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return await _pipeline.ExecuteAsync(
            static (arguments, token) => arguments.Client.AttemptAsync(arguments.call, arguments.state, arguments.read, token),
            (Client: this, call, state, read),
            cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<TResult> AttemptAsync<TState, TResult>(
        EbsCall call, TState state, Func<HttpResponseMessage, EbsCall, TState, CancellationToken, ValueTask<TResult>> read, CancellationToken cancellationToken)
    {
        EbsRateLimiter limiter = _limiters[(int)call.Operation];
        EbsRateLimiter? snapshotLimiter = SnapshotLimiter(call);
        if (snapshotLimiter is not null)
        {
            await snapshotLimiter.AcquireAsync(cancellationToken).ConfigureAwait(false);
        }

        // Before the slot: what waits for its quota must not keep calls of another kind from theirs.
        await limiter.AcquireAsync(cancellationToken).ConfigureAwait(false);
        await _slots.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            long sentAt = _time.GetTimestamp();
            Interlocked.Increment(ref _counts[(int)call.Operation]);
            call.Attempts++;
            try
            {
                return await ExchangeAsync(call, state, read, cancellationToken).ConfigureAwait(false);
            }
            catch (EbsThrottledException)
            {
                Interlocked.Increment(ref _throttled);
                limiter.Throttle(sentAt);
                snapshotLimiter?.Throttle(sentAt);
                throw;
            }
        }
        finally
        {
            _slots.Release();
        }
    }

    private EbsRateLimiter? SnapshotLimiter(EbsCall call)
    {
        if (call.SnapshotId is null || call.Operation is not (EbsOperation.GetSnapshotBlock or EbsOperation.PutSnapshotBlock))
        {
            return null;
        }

        if (_snapshotLimiters.Count >= MaxSnapshotLimiters)
        {
            // Those of snapshots that are done with; one still in use begins again at the full rate, below the account's.
            _snapshotLimiters.Clear();
        }

        return _snapshotLimiters.GetOrAdd((call.Operation, call.SnapshotId), static (_, time) => new EbsRateLimiter(SnapshotQuotaPerSecond * QuotaPart, time), _time);
    }

    private async ValueTask<TResult> ExchangeAsync<TState, TResult>(
        EbsCall call, TState state, Func<HttpResponseMessage, EbsCall, TState, CancellationToken, ValueTask<TResult>> read, CancellationToken cancellationToken)
    {
        using CancellationTokenSource timeout = new(_options.RequestTimeout, _time);
        using CancellationTokenSource both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            ImmutableCredentials credentials = await GetCredentialsAsync(cancellationToken).ConfigureAwait(false);
            long correction = Interlocked.Read(ref _clockCorrection);
            using HttpRequestMessage request = NewRequest(call, credentials, (_time.GetUtcNow() + TimeSpan.FromTicks(correction)).UtcDateTime);
            using HttpResponseMessage response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, both.Token).ConfigureAwait(false);
            if (response.IsSuccessStatusCode)
            {
                return await read(response, call, state, both.Token).ConfigureAwait(false);
            }

            EbsException fault = await EbsFaults.ReadAsync(response, call, both.Token).ConfigureAwait(false);
            throw fault is EbsCredentialsException refused ? await WeighAsync(refused, response, credentials, correction, cancellationToken).ConfigureAwait(false)
                : fault is EbsSnapshotNotFoundException missing ? Weigh(missing, call)
                : fault;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested && timeout.IsCancellationRequested)
        {
            throw new EbsException($"{call.Operation} of {call.Subject} had no whole answer within {_options.RequestTimeout}. See the network, or give requests more time.") { IsTransient = true };
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException and not CloudImageException)
        {
            throw new EbsException($"{call.Operation} of {call.Subject} broke off: {OneLine(exception.Message)}. See the network and the endpoint {_endpoint.GetLeftPart(UriPartial.Authority)}.", exception) { IsTransient = true };
        }
    }

    // Refused credentials pass when the clock was wrong and is now known better, or when there are others by now.
    private async ValueTask<EbsCredentialsException> WeighAsync(EbsCredentialsException fault, HttpResponseMessage response, ImmutableCredentials used, long correction, CancellationToken cancellationToken)
    {
        if (response.Headers.Date is { } serviceTime)
        {
            TimeSpan known = serviceTime - _time.GetUtcNow();
            if (known.Duration() < s_largestSkew && (known - TimeSpan.FromTicks(correction)).Duration() > s_smallSkew)
            {
                Interlocked.Exchange(ref _clockCorrection, known.Ticks);
                return Repeated(fault);
            }
        }

        (_options.Credentials as RefreshingAWSCredentials)?.ClearCredentials();
        ImmutableCredentials fresh = await GetCredentialsAsync(cancellationToken).ConfigureAwait(false);
        return fresh.Equals(used) ? fault : Repeated(fault);
    }

    private static EbsCredentialsException Repeated(EbsCredentialsException fault) => new(fault.Message)
    {
        Code = fault.Code, Reason = fault.Reason, StatusCode = fault.StatusCode, RequestId = fault.RequestId, RetryAfter = TimeSpan.Zero, IsTransient = true,
    };

    private EbsSnapshotNotFoundException Weigh(EbsSnapshotNotFoundException fault, EbsCall call) =>
        _time.GetTimestamp() >= call.MayBeUnknownUntil
            ? fault
            : new EbsSnapshotNotFoundException(fault.Message)
            {
                Code = fault.Code, Reason = fault.Reason, StatusCode = fault.StatusCode, RequestId = fault.RequestId, IsTransient = true,
            };

    private async ValueTask<ImmutableCredentials> GetCredentialsAsync(CancellationToken cancellationToken)
    {
        try
        {
            AWSCredentials source = _options.Credentials ?? await _resolver!.ResolveIdentityAsync(null, cancellationToken).ConfigureAwait(false);
            return await source.GetCredentialsAsync().ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is AmazonServiceException or AmazonClientException or HttpRequestException)
        {
            throw new EbsCredentialsException($"No credentials could be had: {OneLine(exception.Message)}. Give them, or set up the vendor's default chain (environment, shared files, container or instance role).", exception);
        }
    }

    private static string OneLine(string message) =>
        string.Join(' ', message.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).TrimEnd('.');

    private HttpRequestMessage NewRequest(EbsCall call, ImmutableCredentials credentials, DateTime utc)
    {
        string path = _basePath + EbsSigner.EncodePath(call.Path);
        string query = EbsSigner.EncodeQuery(call.Query);
        bool isSecure = _endpoint.Scheme == Uri.UriSchemeHttps;
        string payload = call.HasUnsignedForm && isSecure ? EbsSigner.UnsignedPayload : call.BodyDigest;
        List<KeyValuePair<string, string>> headers = new(call.Headers.Count + 5)
        {
            new("host", _endpoint.Authority),
            new("x-amz-content-sha256", payload),
            new("x-amz-date", EbsSigner.FormatDate(utc)),
        };
        headers.AddRange(call.Headers);
        if (call.ContentType is not null)
        {
            headers.Add(new("content-type", call.ContentType));
        }

        if (credentials.UseToken)
        {
            headers.Add(new("x-amz-security-token", credentials.Token));
        }

        headers.Sort(static (left, right) => string.CompareOrdinal(left.Key, right.Key));
        string authorization = EbsSigner.Sign(credentials, _region, utc, call.Method.Method, path, query, headers, payload);
        HttpRequestMessage request = new(call.Method, new Uri($"{_endpoint.GetLeftPart(UriPartial.Authority)}{path}{(query.Length > 0 ? "?" : null)}{query}"));
        if (call.Method != HttpMethod.Get)
        {
            request.Content = new ReadOnlyMemoryContent(call.Body);
        }

        foreach ((string name, string value) in headers)
        {
            if (name == "content-type")
            {
                request.Content!.Headers.ContentType = new MediaTypeHeaderValue(value);
            }
            else if (name != "host")
            {
                request.Headers.TryAddWithoutValidation(name, value);
            }
        }

        request.Headers.TryAddWithoutValidation("Authorization", authorization);
        return request;
    }
}
