using System;
using Azure;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Storage;
using Azure.Storage.Blobs.Models;

namespace CloudImage.Sdk.Azure;

/// <summary>Where a store in Azure blob storage is, and how it is spoken to.</summary>
/// <remarks>At most one of the credentials is given; without any, <c>DefaultAzureCredential</c> finds one. Credentials are never shown.</remarks>
public sealed class AzureBlobObjectStoreOptions
{
    /// <summary>The account's blob endpoint: <c>https://ACCOUNT.blob.core.windows.net</c>, or Azurite's <c>http://127.0.0.1:10000/ACCOUNT</c>.</summary>
    public required Uri Endpoint { get; init; }

    /// <summary>The container.</summary>
    public required string Container { get; init; }

    /// <summary>What the names of all blobs begin with, without a '/' at either end.</summary>
    /// <value>The default value is empty: the whole container.</value>
    public string Prefix { get; init; } = string.Empty;

    /// <summary>Whether the container is made if it is not there.</summary>
    /// <value>The default value is <see langword="false"/>.</value>
    public bool CreateContainer { get; init; }

    /// <summary>The tier of objects that are written once and seldom read.</summary>
    /// <value>The default value is <see langword="null"/>: the account's. A tier that has to be restored before it can be read (archive) is refused.</value>
    public AccessTier? ColdTier { get; init; }

    /// <summary>A token, for an account in Microsoft Entra ID.</summary>
    public TokenCredential? Token { get; init; }

    /// <summary>The account's key.</summary>
    public StorageSharedKeyCredential? Key { get; init; }

    /// <summary>A shared access signature; update it when it was renewed.</summary>
    public AzureSasCredential? Signature { get; init; }

    /// <summary>How many requests at once the store is made for.</summary>
    /// <value>The default value is 16.</value>
    public int MaximumConcurrency { get; init; } = 16;

    /// <summary>How long one request may take, beside a second for each 256 KiB that it moves.</summary>
    /// <value>The default value is 60 seconds.</value>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How requests are sent; null takes connections of the store's own.</summary>
    /// <value>The default value is <see langword="null"/>.</value>
    public HttpPipelineTransport? Transport { get; init; }

    /// <summary>Shorter blobs than this go out in one request; 256 MiB, fewer for tests.</summary>
    internal int SinglePutLength { get; init; } = 256 << 20;

    /// <summary>How many names a page of a list has at most; the service gives up to 5,000, tests ask for fewer.</summary>
    internal int? ListPageLength { get; init; }

    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(Endpoint);
        ArgumentException.ThrowIfNullOrEmpty(Container);
        ArgumentNullException.ThrowIfNull(Prefix);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaximumConcurrency, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(RequestTimeout, TimeSpan.Zero);
        if (ColdTier == AccessTier.Archive)
        {
            throw new ArgumentException("Blobs in the archive tier cannot be read before they are restored: take hot, cool or cold.", nameof(ColdTier));
        }

        if ((Token is null ? 0 : 1) + (Key is null ? 0 : 1) + (Signature is null ? 0 : 1) > 1)
        {
            throw new ArgumentException("Give one credential: a token, a key or a shared access signature.", nameof(Token));
        }

        if (Key is null && Signature is null && Endpoint.Scheme == "http")
        {
            throw new ArgumentException("Tokens travel only over https: over http a key or a shared access signature is needed (AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN).", nameof(Endpoint));
        }

        if (Endpoint.Scheme is not ("https" or "http") || Endpoint.UserInfo.Length > 0 || Endpoint.Query.Length > 0)
        {
            throw new ArgumentException("The endpoint is an http or https address without credentials or parameters.", nameof(Endpoint));
        }
    }
}
