using System;
using Azure.Identity;
using Azure.Storage.Blobs.Specialized;
using CloudImage.Sdk.Azure.Blobs;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Azure.Disks;

/// <summary>Page blobs by addresses: <c>azpage://container/blob.vhd?account=name&amp;endpoint=URL&amp;snapshot=time</c>.</summary>
/// <remarks>
/// Credentials come from <c>AZURE_STORAGE_CONNECTION_STRING</c>, <c>AZURE_STORAGE_KEY</c> or <c>AZURE_STORAGE_SAS_TOKEN</c>, the first of them that is set,
/// and otherwise from <c>DefaultAzureCredential</c>; an address holds none. Safe for use by several threads at once.
/// </remarks>
public static class PageBlobAddress
{
    /// <summary>Makes a client for the blob that an address names.</summary>
    /// <param name="address">The address; its parameters <c>account</c>, <c>endpoint</c> and <c>snapshot</c> are taken.</param>
    /// <param name="options">Retries and times.</param>
    /// <returns>The client.</returns>
    /// <exception cref="FormatException">The address names no blob or no account, or a variable is not what it should be.</exception>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public static PageBlobClient CreateClient(ObjectStoreAddress address, PageBlobClientOptions options) => CreateClient(address, options, Environment.GetEnvironmentVariable);

    internal static PageBlobClient CreateClient(ObjectStoreAddress address, PageBlobClientOptions options, Func<string, string?> variable)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentNullException.ThrowIfNull(options);
        if (address.Prefix.Length == 0)
        {
            throw new FormatException($"{address} names no blob: {address.Scheme}://CONTAINER/BLOB was expected.");
        }

        Uri? endpoint = address.TakeUri("endpoint");
        if (endpoint is { Query.Length: > 0 })
        {
            throw new FormatException("Parameter endpoint has a query: signatures come from AZURE_STORAGE_SAS_TOKEN, never from an address.");
        }

        AzureEnvironment environment = AzureEnvironment.Read(address.Take("account"), endpoint, variable);
        Uri blob = new($"{environment.Endpoint.AbsoluteUri.TrimEnd('/')}/{address.Container}/{address.Prefix}");
        PageBlobClient client = environment switch
        {
            { Key: { } key } => new PageBlobClient(blob, key, options.ToBlobClientOptions()),
            { Signature: { } signature } => new PageBlobClient(blob, signature, options.ToBlobClientOptions()),
            _ => PageBlobClients.FromUri(blob, new DefaultAzureCredential(), options),
        };
        return address.Take("snapshot") is { } snapshot ? client.WithSnapshot(snapshot) : client;
    }
}
