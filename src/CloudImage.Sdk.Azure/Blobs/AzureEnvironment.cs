using System;
using System.Collections.Generic;
using Azure;
using Azure.Storage;

namespace CloudImage.Sdk.Azure.Blobs;

/// <summary>An account's blob endpoint and what opens it, as the environment and an address tell. No secret of it is ever shown.</summary>
internal sealed class AzureEnvironment
{
    private const string PublicSuffix = "core.windows.net";

    private AzureEnvironment(Uri endpoint, StorageSharedKeyCredential? key, AzureSasCredential? signature)
    {
        Endpoint = endpoint;
        Key = key;
        Signature = signature;
    }

    /// <summary>The account's blob endpoint.</summary>
    public Uri Endpoint { get; }

    /// <summary>The account's key; null: there is none.</summary>
    public StorageSharedKeyCredential? Key { get; }

    /// <summary>A shared access signature; null: there is none. Without it and without a key, the default chain of Azure.Identity is meant.</summary>
    public AzureSasCredential? Signature { get; }

    /// <summary>Reads AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT with AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN.</summary>
    /// <param name="account">The account that an address names; null for none.</param>
    /// <param name="endpoint">The endpoint that an address names; null for none.</param>
    /// <param name="variable">Reads a variable.</param>
    /// <exception cref="FormatException">No account is named, or a variable is not what it should be; its value is not told.</exception>
    public static AzureEnvironment Read(string? account, Uri? endpoint, Func<string, string?> variable)
    {
        Dictionary<string, string> parts = ParseConnectionString(variable("AZURE_STORAGE_CONNECTION_STRING"));
        string? named = parts.GetValueOrDefault("AccountName");
        if (account is not null && named is not null && account != named)
        {
            throw new FormatException($"AZURE_STORAGE_CONNECTION_STRING is of account '{named}', and the address names account '{account}'.");
        }

        string? key = parts.Count > 0 ? parts.GetValueOrDefault("AccountKey") : variable("AZURE_STORAGE_KEY");
        string? signature = parts.Count > 0 ? parts.GetValueOrDefault("SharedAccessSignature") : variable("AZURE_STORAGE_SAS_TOKEN");
        account ??= named ?? variable("AZURE_STORAGE_ACCOUNT");
        endpoint ??= EndpointOf(parts, account);
        if (string.IsNullOrWhiteSpace(key))
        {
            return new AzureEnvironment(endpoint, null, string.IsNullOrWhiteSpace(signature) ? null : new AzureSasCredential(signature.TrimStart('?')));
        }

        if (account is null)
        {
            throw new FormatException("A key is set and no account to go with it: add account=NAME, or set AZURE_STORAGE_ACCOUNT.");
        }

        try
        {
            return new AzureEnvironment(endpoint, new StorageSharedKeyCredential(account, key), null);
        }
        catch (FormatException)
        {
            // The vendor's message could repeat it.
            throw new FormatException("The storage account's key that is set is not Base64.");
        }
    }

    private static Uri EndpointOf(Dictionary<string, string> parts, string? account)
    {
        if (parts.GetValueOrDefault("BlobEndpoint") is { } address)
        {
            return Uri.TryCreate(address, UriKind.Absolute, out Uri? known) && known.Scheme is "http" or "https" && known is { Query.Length: 0, UserInfo.Length: 0 }
                ? known
                : throw new FormatException("BlobEndpoint in AZURE_STORAGE_CONNECTION_STRING is no http:// or https:// address.");
        }

        if (account is null)
        {
            throw new FormatException("No storage account is named: add account=NAME or endpoint=URL, or set AZURE_STORAGE_ACCOUNT.");
        }

        foreach (char character in account)
        {
            if (!char.IsAsciiLetterLower(character) && !char.IsAsciiDigit(character))
            {
                throw new FormatException($"'{account}' is no storage account: 3 to 24 lower case letters and digits were expected.");
            }
        }

        return Uri.TryCreate($"https://{account}.blob.{parts.GetValueOrDefault("EndpointSuffix", PublicSuffix)}", UriKind.Absolute, out Uri? made)
            ? made
            : throw new FormatException("EndpointSuffix in AZURE_STORAGE_CONNECTION_STRING is no end of a host's name.");
    }

    private static Dictionary<string, string> ParseConnectionString(string? text)
    {
        Dictionary<string, string> parts = new(StringComparer.OrdinalIgnoreCase);
        foreach (string part in (text ?? string.Empty).Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
            {
                throw new FormatException("AZURE_STORAGE_CONNECTION_STRING is not of the form Name=Value;Name=Value.");
            }

            parts[part[..equals]] = part[(equals + 1)..];
        }

        return parts;
    }
}
