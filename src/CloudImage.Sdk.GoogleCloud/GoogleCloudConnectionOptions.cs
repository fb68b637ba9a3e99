using System;
using System.Net.Http;
using CloudImage.Sdk.GoogleCloud.Gcs;
using CloudImage.Sdk.Storage;
using Google.Apis.Auth.OAuth2;

namespace CloudImage.Sdk.GoogleCloud;

/// <summary>How Cloud Storage is reached. Immutable.</summary>
public sealed class GoogleCloudConnectionOptions
{
    /// <summary>Address of the service.</summary>
    /// <value>The default value is <c>https://storage.googleapis.com</c>.</value>
    public Uri Endpoint { get; init; } = new("https://storage.googleapis.com");

    /// <summary>What gives tokens; with the scope <c>https://www.googleapis.com/auth/devstorage.read_write</c> where its kind has scopes.</summary>
    /// <value>The default value is <see langword="null"/>: the application default credentials, see <see cref="IsAnonymous"/>.</value>
    public ITokenAccessWithHeaders? Credential { get; init; }

    /// <summary>Whether requests are made without credentials, as emulators take them.</summary>
    /// <value>The default value is <see langword="null"/>: where the endpoint is on loopback and no <see cref="Credential"/> is given.</value>
    public bool? IsAnonymous { get; init; }

    /// <summary>What makes the requests; not owned.</summary>
    /// <value>The default value is <see langword="null"/>: the connection makes one of its own.</value>
    public HttpClient? HttpClient { get; init; }

    /// <summary>Takes what an address says: its parameters <c>endpoint</c> (an emulator's address; <c>STORAGE_EMULATOR_HOST</c> means the same) and <c>auth</c> (<c>default</c> or <c>none</c>).</summary>
    /// <param name="address">The address; these parameters of it are taken.</param>
    /// <returns>The options.</returns>
    /// <exception cref="FormatException">A parameter is wrong.</exception>
    public static GoogleCloudConnectionOptions FromAddress(ObjectStoreAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return GcsAddress.Read(address);
    }

    internal bool SendsNoToken => IsAnonymous ?? (Credential is null && Endpoint.IsLoopback);

    internal void Validate()
    {
        if (!Endpoint.IsAbsoluteUri || Endpoint.Scheme is not ("http" or "https"))
        {
            throw new ArgumentException($"'{Endpoint}' is no http or https address.");
        }

        if (IsAnonymous == true && Credential is not null)
        {
            throw new ArgumentException("An anonymous connection takes no credential.");
        }
    }
}
