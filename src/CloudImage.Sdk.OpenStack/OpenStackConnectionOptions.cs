using System;
using System.Collections;
using System.Collections.Generic;
using System.Net.Http;
using CloudImage.Sdk.OpenStack.Identity;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.OpenStack;

/// <summary>How a cloud is reached. Immutable.</summary>
public sealed class OpenStackConnectionOptions
{
    /// <summary>How the program is known to the cloud.</summary>
    /// <value>The default value is <see cref="OpenStackCredential.Anonymous"/>.</value>
    public OpenStackCredential Credential { get; init; } = OpenStackCredential.Anonymous;

    /// <summary>The region whose services are used.</summary>
    /// <value>The default value is <see langword="null"/>: the first that the catalog names.</value>
    public string? Region { get; init; }

    /// <summary>Which interface of the services is used: <c>public</c>, <c>internal</c> or <c>admin</c>.</summary>
    /// <value>The default value is <c>public</c>.</value>
    public string Interface { get; init; } = "public";

    /// <summary>Addresses of services that are used instead of the catalog's, by type of service.</summary>
    /// <value>The default value is empty.</value>
    public IReadOnlyDictionary<string, Uri> Endpoints { get; init; } = new Dictionary<string, Uri>();

    /// <summary>What makes the requests; not owned. It must not follow redirections with headers that hold a token.</summary>
    /// <value>The default value is <see langword="null"/>: the connection makes one of its own.</value>
    public HttpClient? HttpClient { get; init; }

    /// <summary>The clock that tokens are renewed by.</summary>
    /// <value>The default value is <see cref="TimeProvider.System"/>.</value>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Takes the settings of the environment: <c>OS_AUTH_URL</c>, <c>OS_APPLICATION_CREDENTIAL_ID</c> and the others that the vendor's own command line takes; without <c>OS_AUTH_URL</c> those of TempAuth: <c>ST_AUTH</c>, <c>ST_USER</c>, <c>ST_KEY</c>.</summary>
    /// <returns>The options; anonymous where the environment names neither.</returns>
    /// <exception cref="ArgumentException">Something is missing; the message says what.</exception>
    public static OpenStackConnectionOptions FromEnvironment() => FromSettings(ReadEnvironment());

    /// <summary>Takes settings by the names that clouds.yaml has below a cloud and below its <c>auth</c>: <c>auth_url</c>, <c>application_credential_id</c>, <c>region_name</c> and so on, and <c>st_auth</c>, <c>st_user</c>, <c>st_key</c> for TempAuth.</summary>
    /// <param name="settings">Names and values; a name that is not known is not looked at.</param>
    /// <returns>The options.</returns>
    /// <exception cref="ArgumentException">Something is missing or is no address; the message says what.</exception>
    public static OpenStackConnectionOptions FromSettings(IReadOnlyDictionary<string, string> settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return OpenStackSettings.Read(settings);
    }

    /// <summary>Takes the settings of the environment, and what an address changes in them: its parameters <c>auth</c> (address of Keystone or TempAuth, or <c>none</c>), <c>endpoint</c> (address of the service), <c>region</c> and <c>interface</c>.</summary>
    /// <param name="address">The address; these parameters of it are taken.</param>
    /// <param name="serviceType">The service that <c>endpoint</c> is the address of, such as <c>image</c>.</param>
    /// <returns>The options.</returns>
    /// <exception cref="FormatException">A parameter is wrong, or something is missing.</exception>
    public static OpenStackConnectionOptions FromAddress(ObjectStoreAddress address, string serviceType)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentException.ThrowIfNullOrEmpty(serviceType);
        return OpenStackAddress.Read(address, serviceType, ReadEnvironment());
    }

    /// <summary>The settings of the environment, by the names that clouds.yaml has.</summary>
    internal static Dictionary<string, string> ReadEnvironment()
    {
        Dictionary<string, string> settings = new(StringComparer.Ordinal);
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
        {
            string name = (string)entry.Key;
            string value = entry.Value as string ?? string.Empty;
            if (value.Length > 0 && name.StartsWith("OS_", StringComparison.Ordinal))
            {
                settings[name[3..].ToLowerInvariant()] = value;
            }
            else if (value.Length > 0 && name.StartsWith("ST_", StringComparison.Ordinal))
            {
                settings[name.ToLowerInvariant()] = value;
            }
        }

        return settings;
    }
}
