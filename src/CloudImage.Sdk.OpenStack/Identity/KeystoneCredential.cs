using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.OpenStack.Identity;

/// <summary>Credentials of Keystone, version 3 of its interface: an application credential, or a user with a password.</summary>
/// <remarks>Thread-safe. An application credential is the better choice: it can be taken back, and does less.</remarks>
public sealed class KeystoneCredential : OpenStackCredential
{
    private const string DefaultDomainId = "default";

    private readonly Func<KeystoneOptions> _options;

    /// <summary>Makes credentials.</summary>
    /// <param name="options">What is shown to Keystone.</param>
    /// <exception cref="ArgumentException">Something is missing; the message says what.</exception>
    public KeystoneCredential(KeystoneOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _options = () => options;
    }

    /// <summary>Makes credentials that are read anew for each token, so that a secret may be replaced while the program runs.</summary>
    /// <param name="options">Gives what is shown to Keystone; called for each token, from any thread.</param>
    /// <exception cref="ArgumentException">Something is missing now; the message says what.</exception>
    public KeystoneCredential(Func<KeystoneOptions> options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options().Validate();
        _options = options;
    }

    /// <inheritdoc/>
    public override async ValueTask<OpenStackToken> RequestTokenAsync(HttpClient client, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        KeystoneOptions options = _options();
        options.Validate();
        Uri address = TokensAddress(options.AuthUrl);
        using HttpRequestMessage request = new(HttpMethod.Post, address)
        {
            Content = new ByteArrayContent(Encoding.UTF8.GetBytes(MakeRequest(options).ToJsonString())),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using HttpResponseMessage response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden)
        {
            throw new OpenStackException($"Keystone at {address} refuses {options} (status {(int)response.StatusCode}): check its id, its secret, its project, and whether it has expired.")
            {
                StatusCode = response.StatusCode,
            };
        }

        if (response.StatusCode != HttpStatusCode.Created)
        {
            throw await OpenStackHttp.FaultAsync("a token", response, cancellationToken).ConfigureAwait(false);
        }

        if (!response.Headers.TryGetValues("X-Subject-Token", out IEnumerable<string>? tokens) || tokens.FirstOrDefault() is not { Length: > 0 } token)
        {
            throw new OpenStackException($"Keystone at {address} gave no token: an answer with X-Subject-Token was expected.");
        }

        using JsonDocument body = await OpenStackHttp.ReadJsonAsync(response, cancellationToken).ConfigureAwait(false);
        return ReadToken(token, body.RootElement, address);
    }

    /// <summary>Who asks, without secrets.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => _options().ToString();

    private static Uri TokensAddress(Uri authUrl)
    {
        string text = authUrl.GetLeftPart(UriPartial.Path).TrimEnd('/');
        return new Uri(text.EndsWith("/v3", StringComparison.Ordinal) ? $"{text}/auth/tokens" : $"{text}/v3/auth/tokens");
    }

    private static JsonObject MakeRequest(KeystoneOptions options)
    {
        JsonObject identity = options.HasApplicationCredential
            ? new JsonObject { ["methods"] = new JsonArray("application_credential"), ["application_credential"] = MakeApplicationCredential(options) }
            : new JsonObject { ["methods"] = new JsonArray("password"), ["password"] = new JsonObject { ["user"] = MakeUser(options, options.Password) } };
        JsonObject auth = new() { ["identity"] = identity };

        // An application credential has its project; naming a scope with it is refused.
        if (!options.HasApplicationCredential && MakeProject(options) is { } project)
        {
            auth["scope"] = new JsonObject { ["project"] = project };
        }

        return new JsonObject { ["auth"] = auth };
    }

    private static JsonObject MakeApplicationCredential(KeystoneOptions options)
    {
        JsonObject credential = new() { ["secret"] = options.ApplicationCredentialSecret };
        if (options.ApplicationCredentialId is { } id)
        {
            credential["id"] = id;
            return credential;
        }

        credential["name"] = options.ApplicationCredentialName;
        credential["user"] = MakeUser(options, null);
        return credential;
    }

    private static JsonObject MakeUser(KeystoneOptions options, string? password)
    {
        JsonObject user = [];
        if (options.UserId is { } id)
        {
            user["id"] = id;
        }
        else
        {
            user["name"] = options.UserName;
            user["domain"] = MakeDomain(options.UserDomainId, options.UserDomainName);
        }

        if (password is not null)
        {
            user["password"] = password;
        }

        return user;
    }

    private static JsonObject? MakeProject(KeystoneOptions options)
    {
        if (options.ProjectId is { } id)
        {
            return new JsonObject { ["id"] = id };
        }

        return options.ProjectName is { } name
            ? new JsonObject { ["name"] = name, ["domain"] = MakeDomain(options.ProjectDomainId, options.ProjectDomainName) }
            : null;
    }

    private static JsonObject MakeDomain(string? id, string? name) =>
        id is null && name is not null ? new JsonObject { ["name"] = name } : new JsonObject { ["id"] = id ?? DefaultDomainId };

    private static OpenStackToken ReadToken(string value, JsonElement body, Uri address)
    {
        if (!OpenStackHttp.TryGet(body, "token", JsonValueKind.Object, out JsonElement token))
        {
            throw new OpenStackException($"Keystone at {address} gave a token without its description: a member \"token\" was expected.");
        }

        DateTimeOffset? end = OpenStackHttp.Text(token, "expires_at") is { } text
            && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)
                ? time
                : null;
        List<ServiceEndpoint> endpoints = [];
        if (OpenStackHttp.TryGet(token, "catalog", JsonValueKind.Array, out JsonElement catalog))
        {
            foreach (JsonElement service in catalog.EnumerateArray())
            {
                AddEndpoints(endpoints, service);
            }
        }

        return new OpenStackToken(value, end, endpoints);
    }

    private static void AddEndpoints(List<ServiceEndpoint> endpoints, JsonElement service)
    {
        if (OpenStackHttp.Text(service, "type") is not { } type || !OpenStackHttp.TryGet(service, "endpoints", JsonValueKind.Array, out JsonElement list))
        {
            return;
        }

        foreach (JsonElement endpoint in list.EnumerateArray())
        {
            // An entry that names no usable address (a template that was never filled in) is nobody's way to a service.
            if (OpenStackHttp.Text(endpoint, "url") is { } url && Uri.TryCreate(url, UriKind.Absolute, out Uri? address) && address.Scheme is "http" or "https")
            {
                endpoints.Add(new ServiceEndpoint(
                    type,
                    OpenStackHttp.Text(endpoint, "interface") ?? "public",
                    OpenStackHttp.Text(endpoint, "region_id") ?? OpenStackHttp.Text(endpoint, "region") ?? string.Empty,
                    address));
            }
        }
    }
}
