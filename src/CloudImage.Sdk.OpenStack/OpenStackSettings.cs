using System;
using System.Collections.Generic;
using CloudImage.Sdk.OpenStack.Identity;

namespace CloudImage.Sdk.OpenStack;

/// <summary>Makes a connection's options of settings with the names of clouds.yaml.</summary>
internal static class OpenStackSettings
{
    internal const string AuthUrl = "auth_url";
    internal const string TempAuthUrl = "st_auth";

    internal static OpenStackConnectionOptions Read(IReadOnlyDictionary<string, string> settings) => new()
    {
        Credential = ReadCredential(settings),
        Region = Text(settings, "region_name"),
        Interface = ReadInterface(settings),
        Endpoints = ReadEndpoints(settings),
    };

    /// <summary>Whether an address is that of TempAuth and not of Keystone.</summary>
    internal static bool IsTempAuth(Uri address)
    {
        string path = address.AbsolutePath.TrimEnd('/');
        return path.EndsWith("/v1.0", StringComparison.Ordinal) || path.EndsWith("/auth/v1", StringComparison.Ordinal) || path.EndsWith("/auth/1.0", StringComparison.Ordinal)
            || path.EndsWith("/auth", StringComparison.Ordinal);
    }

    private static OpenStackCredential ReadCredential(IReadOnlyDictionary<string, string> settings)
    {
        if (Text(settings, "auth_type") == "none")
        {
            return OpenStackCredential.Anonymous;
        }

        if (Text(settings, AuthUrl) is { } authUrl)
        {
            return new KeystoneCredential(new KeystoneOptions
            {
                AuthUrl = Address(authUrl, AuthUrl),
                ApplicationCredentialId = Text(settings, "application_credential_id"),
                ApplicationCredentialName = Text(settings, "application_credential_name"),
                ApplicationCredentialSecret = Text(settings, "application_credential_secret"),
                UserName = Text(settings, "username"),
                UserId = Text(settings, "user_id"),
                UserDomainName = Text(settings, "user_domain_name"),
                UserDomainId = Text(settings, "user_domain_id"),
                Password = Text(settings, "password"),
                ProjectName = Text(settings, "project_name") ?? Text(settings, "tenant_name"),
                ProjectId = Text(settings, "project_id") ?? Text(settings, "tenant_id"),
                ProjectDomainName = Text(settings, "project_domain_name"),
                ProjectDomainId = Text(settings, "project_domain_id"),
            });
        }

        if (Text(settings, TempAuthUrl) is not { } tempAuth)
        {
            return OpenStackCredential.Anonymous;
        }

        return Text(settings, "st_user") is { } user && Text(settings, "st_key") is { } key
            ? new TempAuthCredential(Address(tempAuth, TempAuthUrl), user, key)
            : throw new ArgumentException("TempAuth wants a user and a key: st_user and st_key (in the environment ST_USER and ST_KEY).");
    }

    private static string ReadInterface(IReadOnlyDictionary<string, string> settings)
    {
        string name = Text(settings, "interface") ?? Text(settings, "endpoint_type") ?? "public";
        return name.EndsWith("URL", StringComparison.Ordinal) ? name[..^3] : name;
    }

    // clouds.yaml writes object_store_endpoint_override; the environment of the vendor's clients OS_STORAGE_URL and OS_IMAGE_URL.
    private static Dictionary<string, Uri> ReadEndpoints(IReadOnlyDictionary<string, string> settings)
    {
        Dictionary<string, Uri> endpoints = new(StringComparer.Ordinal);
        Add(endpoints, settings, OpenStackConnection.ObjectStore, "object_store_endpoint_override", "storage_url");
        Add(endpoints, settings, OpenStackConnection.Image, "image_endpoint_override", "image_url");
        return endpoints;
    }

    private static void Add(Dictionary<string, Uri> endpoints, IReadOnlyDictionary<string, string> settings, string serviceType, string name, string otherName)
    {
        if ((Text(settings, name) ?? Text(settings, otherName)) is { } text)
        {
            endpoints[serviceType] = Address(text, name);
        }
    }

    private static Uri Address(string text, string name) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? address) && address.Scheme is "http" or "https" && address.UserInfo.Length == 0
            ? address
            : throw new ArgumentException($"Setting {name} is no http:// or https:// address without credentials.");

    private static string? Text(IReadOnlyDictionary<string, string> settings, string name) =>
        settings.TryGetValue(name, out string? value) && value.Length > 0 ? value : null;
}
