using System;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.OpenStack.Identity;

namespace CloudImage.Sdk.OpenStack;

/// <summary>A connection to one cloud: keeps the token, renews it, and finds the services.</summary>
/// <remarks>
/// Every member may be called from several threads at once. A token is renewed a while before it ends, and once when a service no longer
/// takes it. Owns the HTTP client that it makes, not one that it was given.
/// </remarks>
public sealed class OpenStackConnection : IDisposable
{
    internal const string ObjectStore = "object-store";
    internal const string Image = "image";

    private static readonly TimeSpan s_longestMargin = TimeSpan.FromMinutes(5);

    private readonly OpenStackConnectionOptions _options;
    private readonly HttpClient _client;
    private readonly SemaphoreSlim _renewal = new(1, 1);
    private KeptToken? _kept;

    /// <summary>Makes a connection; nothing is asked yet.</summary>
    /// <param name="options">How the cloud is reached.</param>
    public OpenStackConnection(OpenStackConnectionOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _client = options.HttpClient ?? MakeClient();
    }

    /// <summary>Finds where a service is.</summary>
    /// <param name="serviceType">Its type, such as <c>image</c>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Its address, without a '/' at the end.</returns>
    /// <exception cref="OpenStackException">The credentials are refused, the service of identity failed, or its catalog has no such service.</exception>
    public async ValueTask<Uri> GetEndpointAsync(string serviceType, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(serviceType);
        if (_options.Endpoints.TryGetValue(serviceType, out Uri? given))
        {
            return Trim(given);
        }

        KeptToken kept = await GetTokenAsync(cancellationToken).ConfigureAwait(false);
        return Find(kept.Token, serviceType);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_options.HttpClient is null)
        {
            _client.Dispose();
        }

        _renewal.Dispose();
    }

    /// <summary>Sends a request with the token; a token that the service no longer takes is renewed, and the request made once more.</summary>
    /// <param name="makeRequest">Makes the request; called again for the second attempt.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    internal async Task<HttpResponseMessage> SendAsync(Func<HttpRequestMessage> makeRequest, CancellationToken cancellationToken)
    {
        KeptToken kept = await GetTokenAsync(cancellationToken).ConfigureAwait(false);
        HttpResponseMessage response = await SendAsync(makeRequest, kept.Token, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode != HttpStatusCode.Unauthorized || kept.Token.Value is null)
        {
            return response;
        }

        response.Dispose();
        Interlocked.CompareExchange(ref _kept, null, kept);
        kept = await GetTokenAsync(cancellationToken).ConfigureAwait(false);
        return await SendAsync(makeRequest, kept.Token, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Sends a request without a token.</summary>
    internal Task<HttpResponseMessage> SendAnonymousAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
        _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);

    private async Task<HttpResponseMessage> SendAsync(Func<HttpRequestMessage> makeRequest, OpenStackToken token, CancellationToken cancellationToken)
    {
        using HttpRequestMessage request = makeRequest();
        if (token.Value is { } value)
        {
            request.Headers.TryAddWithoutValidation("X-Auth-Token", value);
        }

        return await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<KeptToken> GetTokenAsync(CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _kept) is { } kept && _options.TimeProvider.GetUtcNow() < kept.RenewAt)
        {
            return kept;
        }

        await _renewal.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            DateTimeOffset now = _options.TimeProvider.GetUtcNow();
            if (Volatile.Read(ref _kept) is { } renewed && now < renewed.RenewAt)
            {
                return renewed;
            }

            OpenStackToken token = await _options.Credential.RequestTokenAsync(_client, cancellationToken).ConfigureAwait(false);
            KeptToken taken = new(token, token.ExpiresAt is { } end ? RenewalTime(now, end) : DateTimeOffset.MaxValue);
            Volatile.Write(ref _kept, taken);
            return taken;
        }
        finally
        {
            _renewal.Release();
        }
    }

    // Five minutes ahead, or a quarter of the life of a token that is short. One that seems to have ended already, because the clocks
    // differ, is used until a service refuses it.
    private static DateTimeOffset RenewalTime(DateTimeOffset now, DateTimeOffset end)
    {
        TimeSpan life = end - now;
        if (life <= TimeSpan.Zero)
        {
            return DateTimeOffset.MaxValue;
        }

        return end - (life / 4 < s_longestMargin ? life / 4 : s_longestMargin);
    }

    private Uri Find(OpenStackToken token, string serviceType)
    {
        ServiceEndpoint? endpoint = token.Endpoints.FirstOrDefault(entry =>
            entry.ServiceType == serviceType && entry.Interface == _options.Interface && (_options.Region is null || entry.Region == _options.Region));
        if (endpoint is not null)
        {
            return Trim(endpoint.Address);
        }

        string wanted = _options.Region is null ? $"{serviceType} ({_options.Interface})" : $"{serviceType} ({_options.Interface}, {_options.Region})";
        throw new OpenStackException(token.Endpoints.Count == 0
            ? $"Nothing says where the service {wanted} is: without a catalog of services its address has to be given (endpoint=URL in an address), or where to sign in (auth=URL, OS_AUTH_URL)."
            : $"The catalog has no service {wanted}; it has {string.Join(", ", token.Endpoints.Select(static entry => entry.ToString()).Distinct())}.");
    }

    private static Uri Trim(Uri address) => new(address.GetLeftPart(UriPartial.Path).TrimEnd('/'));

    // Redirections are not followed: they would carry the token elsewhere. Time limits are the callers' affair, who know the lengths.
    private static HttpClient MakeClient()
    {
        SocketsHttpHandler handler = new()
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            ConnectTimeout = TimeSpan.FromSeconds(15),
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            UseCookies = false,
        };
        return new HttpClient(handler, true) { Timeout = Timeout.InfiniteTimeSpan };
    }

    private sealed class KeptToken(OpenStackToken token, DateTimeOffset renewAt)
    {
        public OpenStackToken Token { get; } = token;

        public DateTimeOffset RenewAt { get; } = renewAt;
    }
}
