using System;
using System.Net;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Threading;
using System.Threading.Tasks;
using Google.Apis.Auth.OAuth2;
using Google.Apis.Auth.OAuth2.Responses;

namespace CloudImage.Sdk.GoogleCloud;

/// <summary>A connection to Cloud Storage: makes requests with a token, and renews one that the service no longer takes.</summary>
/// <remarks>
/// <para>Every member may be called from several threads at once. Credentials are looked for with the first request, in the vendor's places:
/// the file that <c>GOOGLE_APPLICATION_CREDENTIALS</c> names, the one of the vendor's command line, the machine's own service account.</para>
/// <para>Owns the HTTP client that it makes, not one that it was given.</para>
/// </remarks>
public sealed class GoogleCloudConnection : IDisposable
{
    private const string Scope = "https://www.googleapis.com/auth/devstorage.read_write";

    private readonly GoogleCloudConnectionOptions _options;
    private readonly HttpClient _client;
    private readonly SemaphoreSlim _search = new(1, 1);
    private ITokenAccessWithHeaders? _credential;

    /// <summary>Makes a connection; nothing is asked yet.</summary>
    /// <param name="options">How the service is reached.</param>
    /// <exception cref="ArgumentException">The options do not go together.</exception>
    public GoogleCloudConnection(GoogleCloudConnectionOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _options = options;
        _credential = options.Credential;
        _client = options.HttpClient ?? MakeClient();
        Address = options.Endpoint.GetLeftPart(UriPartial.Path).TrimEnd('/');
    }

    /// <summary>Address of the service, without a '/' at the end.</summary>
    internal string Address { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_options.HttpClient is null)
        {
            _client.Dispose();
        }

        _search.Dispose();
    }

    /// <summary>Sends a request with a token; where the service no longer takes it, a new one is fetched and the request made once more.</summary>
    /// <param name="makeRequest">Makes the request; called again for the second attempt.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    internal async Task<HttpResponseMessage> SendAsync(Func<HttpRequestMessage> makeRequest, CancellationToken cancellationToken)
    {
        HttpResponseMessage response = await SendOnceAsync(makeRequest, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode != HttpStatusCode.Unauthorized || !await TryRenewAsync(cancellationToken).ConfigureAwait(false))
        {
            return response;
        }

        response.Dispose();
        return await SendOnceAsync(makeRequest, cancellationToken).ConfigureAwait(false);
    }

    private async Task<HttpResponseMessage> SendOnceAsync(Func<HttpRequestMessage> makeRequest, CancellationToken cancellationToken)
    {
        using HttpRequestMessage request = makeRequest();
        if (!_options.SendsNoToken)
        {
            // Beside the token, the project that pays, where the credentials name one.
            AccessTokenWithHeaders token = await GetTokenAsync(cancellationToken).ConfigureAwait(false);
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token.AccessToken);
            token.AddHeaders(request);
        }

        return await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
    }

    private async Task<AccessTokenWithHeaders> GetTokenAsync(CancellationToken cancellationToken)
    {
        ITokenAccessWithHeaders credential = Volatile.Read(ref _credential) ?? await FindCredentialAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await credential.GetAccessTokenWithHeadersForRequestAsync(null, cancellationToken).ConfigureAwait(false);
        }
        catch (TokenResponseException exception)
        {
            throw Refused(exception);
        }
    }

    private async Task<ITokenAccessWithHeaders> FindCredentialAsync(CancellationToken cancellationToken)
    {
        await _search.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_credential is null)
            {
                GoogleCredential found = await GoogleCredential.GetApplicationDefaultAsync(cancellationToken).ConfigureAwait(false);
                Volatile.Write(ref _credential, found.CreateScoped(Scope));
            }

            return _credential!;
        }
        catch (InvalidOperationException exception)
        {
            throw new GoogleCloudException(
                "There are no application default credentials: set GOOGLE_APPLICATION_CREDENTIALS to the path of a key, or log in with the vendor's command line. " + exception.Message,
                exception);
        }
        finally
        {
            _search.Release();
        }
    }

    // The vendor's credentials renew a token by the clock; one that was taken back before has to be asked for by name.
    private async Task<bool> TryRenewAsync(CancellationToken cancellationToken)
    {
        object? kind = _options.SendsNoToken ? null : Volatile.Read(ref _credential) is GoogleCredential google ? google.UnderlyingCredential : _credential;
        try
        {
            return kind switch
            {
                ServiceCredential service => await service.RequestAccessTokenAsync(cancellationToken).ConfigureAwait(false),
                UserCredential user => await user.RefreshTokenAsync(cancellationToken).ConfigureAwait(false),
                _ => false,
            };
        }
        catch (TokenResponseException exception)
        {
            throw Refused(exception);
        }
    }

    private static GoogleCloudException Refused(TokenResponseException exception)
    {
        int status = (int)(exception.StatusCode ?? 0);
        return new GoogleCloudException($"The credentials gave no token: {exception.Error?.Error ?? "no reason was told"} {exception.Error?.ErrorDescription}".TrimEnd() + ". Check that the key exists still, and the clock of this machine.", exception)
        {
            StatusCode = exception.StatusCode,
            Reason = exception.Error?.Error,
            IsTransient = GoogleCloudHttp.IsTransient(status),
        };
    }

    // Time limits are the callers' affair, who know the lengths.
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
}
