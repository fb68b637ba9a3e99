using System;
using System.Globalization;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.OpenStack.Identity;

/// <summary>A user and a key of Swift's own authentication (TempAuth, version 1), as stand-alone Swift and Ceph RGW have it.</summary>
/// <remarks>Thread-safe.</remarks>
public sealed class TempAuthCredential : OpenStackCredential
{
    private readonly Uri _address;
    private readonly string _user;
    private readonly string _key;

    /// <summary>Makes credentials.</summary>
    /// <param name="address">Where tokens are given, such as <c>https://swift.example.com/auth/v1.0</c>.</param>
    /// <param name="user">The user, such as <c>account:user</c>.</param>
    /// <param name="key">The key, a secret.</param>
    public TempAuthCredential(Uri address, string user, string key)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentException.ThrowIfNullOrEmpty(user);
        ArgumentException.ThrowIfNullOrEmpty(key);
        _address = address;
        _user = user;
        _key = key;
    }

    /// <inheritdoc/>
    public override async ValueTask<OpenStackToken> RequestTokenAsync(HttpClient client, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        using HttpRequestMessage request = new(HttpMethod.Get, _address);
        request.Headers.TryAddWithoutValidation("X-Auth-User", _user);
        request.Headers.TryAddWithoutValidation("X-Auth-Key", _key);
        using HttpResponseMessage response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden)
        {
            throw new OpenStackException($"{_address} refuses user '{_user}' (status {(int)response.StatusCode}): check the user and the key.") { StatusCode = response.StatusCode };
        }

        if (!response.IsSuccessStatusCode)
        {
            throw await OpenStackHttp.FaultAsync("a token", response, cancellationToken).ConfigureAwait(false);
        }

        string token = Header(response, "X-Auth-Token") ?? Header(response, "X-Storage-Token")
            ?? throw new OpenStackException($"{_address} gave no token: an answer with X-Auth-Token was expected. Is it the address of TempAuth (.../auth/v1.0)?");
        if (!Uri.TryCreate(Header(response, "X-Storage-Url"), UriKind.Absolute, out Uri? storage) || storage.Scheme is not ("http" or "https"))
        {
            throw new OpenStackException($"{_address} gave no address of the storage: an answer with X-Storage-Url was expected.");
        }

        DateTimeOffset? end = int.TryParse(Header(response, "X-Auth-Token-Expires"), NumberStyles.None, CultureInfo.InvariantCulture, out int seconds)
            ? TimeProvider.System.GetUtcNow() + TimeSpan.FromSeconds(seconds)
            : null;
        return new OpenStackToken(token, end, [new ServiceEndpoint(OpenStackConnection.ObjectStore, "public", string.Empty, storage)]);
    }

    /// <summary>User and address, without the key.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => $"user '{_user}' at {_address}";

    private static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) ? values.FirstOrDefault() : null;
}
