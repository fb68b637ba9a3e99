using System;
using Azure.Core;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Specialized;

namespace CloudImage.Sdk.Azure.Disks;

/// <summary>Makes clients for page blobs, with retries that suit disks.</summary>
/// <remarks>
/// Clients that were made otherwise do as well; with these, a list of pages that takes too long is split at once and not first repeated.
/// Clients are thread-safe and need no disposal.
/// </remarks>
public static class PageBlobClients
{
    /// <summary>A client for a blob whose address is signed, or that anybody may read.</summary>
    /// <param name="address">The address, with its signature (SAS), and with <c>snapshot=</c> for a snapshot.</param>
    /// <param name="options">Retries and times.</param>
    /// <returns>The client.</returns>
    /// <exception cref="ArgumentException">The address names no blob, or an option is out of range.</exception>
    public static PageBlobClient FromUri(Uri address, PageBlobClientOptions options)
    {
        ThrowIfNoBlob(address);
        ArgumentNullException.ThrowIfNull(options);
        return new PageBlobClient(address, options.ToBlobClientOptions());
    }

    /// <summary>A client for a blob that an identity may read or write.</summary>
    /// <param name="address">The address, with <c>snapshot=</c> for a snapshot.</param>
    /// <param name="credential">The identity, such as DefaultAzureCredential.</param>
    /// <param name="options">Retries and times.</param>
    /// <returns>The client.</returns>
    /// <exception cref="ArgumentException">The address names no blob, or an option is out of range.</exception>
    public static PageBlobClient FromUri(Uri address, TokenCredential credential, PageBlobClientOptions options)
    {
        ThrowIfNoBlob(address);
        ArgumentNullException.ThrowIfNull(credential);
        ArgumentNullException.ThrowIfNull(options);
        return new PageBlobClient(address, credential, options.ToBlobClientOptions());
    }

    /// <summary>A client for a blob of an account whose connection string is known.</summary>
    /// <param name="connectionString">The account's connection string.</param>
    /// <param name="container">The container.</param>
    /// <param name="blob">The blob's name in it.</param>
    /// <param name="options">Retries and times.</param>
    /// <returns>The client.</returns>
    /// <exception cref="FormatException">The connection string is none.</exception>
    /// <exception cref="ArgumentException">A name is empty, or an option is out of range.</exception>
    public static PageBlobClient FromConnectionString(string connectionString, string container, string blob, PageBlobClientOptions options)
    {
        ArgumentException.ThrowIfNullOrEmpty(connectionString);
        ArgumentException.ThrowIfNullOrEmpty(container);
        ArgumentException.ThrowIfNullOrEmpty(blob);
        ArgumentNullException.ThrowIfNull(options);
        return new PageBlobClient(connectionString, container, blob, options.ToBlobClientOptions());
    }

    private static void ThrowIfNoBlob(Uri address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!address.IsAbsoluteUri || (address.Scheme != Uri.UriSchemeHttps && address.Scheme != Uri.UriSchemeHttp) || new BlobUriBuilder(address).BlobName.Length == 0)
        {
            throw new ArgumentException("The address names no blob: https://ACCOUNT.blob.core.windows.net/CONTAINER/BLOB was expected.", nameof(address));
        }
    }
}
