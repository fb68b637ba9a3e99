using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Net;
using System.Net.Http;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;
using Azure;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Identity;
using Azure.Storage;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using CloudImage.Sdk.Azure.Blobs;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Azure;

/// <summary>Objects as block blobs in a container of Azure blob storage.</summary>
/// <remarks>
/// <para>An object of up to 256 MiB is created by one Put Blob with <c>If-None-Match: *</c>, a longer one by blocks whose list is committed with
/// that condition. Its MD5 goes along, is checked by the service and kept with the blob.</para>
/// <para>Nothing is repeated here: wrap the store in a <see cref="RetryingObjectStore"/>, as <see cref="AzureBlobObjectStoreProvider"/> does. Every
/// member may be called from several threads at once.</para>
/// </remarks>
public sealed class AzureBlobObjectStore : ObjectStore
{
    private const int BlockLength = 64 << 20;
    private const int BytesPerSecond = 256 << 10;

    private readonly AzureBlobObjectStoreOptions _options;
    private readonly BlobContainerClient _container;
    private readonly HttpClient? _connections;
    private readonly ListedPages _pages = new();
    private readonly string _blobPrefix;

    private AzureBlobObjectStore(AzureBlobObjectStoreOptions options)
    {
        _options = options;
        _blobPrefix = options.Prefix.Length == 0 ? string.Empty : options.Prefix + "/";
        HttpPipelineTransport? transport = options.Transport;
        if (transport is null)
        {
            _connections = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = options.MaximumConcurrency, AllowAutoRedirect = false, PooledConnectionLifetime = TimeSpan.FromMinutes(10) })
            {
                Timeout = Timeout.InfiniteTimeSpan,
            };
            transport = new HttpClientTransport(_connections);
        }

        _container = CreateClient(options, transport).GetBlobContainerClient(options.Container);
        Location = options.Prefix.Length == 0 ? $"{_container.Uri}" : $"{_container.Uri}/{options.Prefix}";
        Capabilities = new ObjectStoreCapabilities
        {
            ChecksumKind = ObjectChecksumKind.Md5,
            MaximumObjectLength = Array.MaxLength,
            PreferredConcurrency = options.MaximumConcurrency,
        };
    }

    /// <inheritdoc/>
    public override ObjectStoreCapabilities Capabilities { get; }

    /// <inheritdoc/>
    public override string Location { get; }

    /// <summary>Opens a store: sees that the container is there.</summary>
    /// <param name="options">Where it is.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The store, which the caller owns.</returns>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    /// <exception cref="ObjectStoreException">The service cannot be reached or refuses, or there is no such container.</exception>
    public static async ValueTask<AzureBlobObjectStore> OpenAsync(AzureBlobObjectStoreOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        AzureBlobObjectStore store = new(options);
        try
        {
            await store.EnsureContainerAsync(cancellationToken).ConfigureAwait(false);
            return store;
        }
        catch
        {
            await store.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask<bool> TryCreateCoreAsync(string name, ReadOnlyMemory<byte> content, ObjectCreateOptions options, CancellationToken cancellationToken)
    {
        if (options.Checksum.Kind == ObjectChecksumKind.Md5 && Md5(content) != options.Checksum)
        {
            throw new ObjectStoreException(name, $"its content does not have the checksum {options.Checksum} that was given with it.", null);
        }

        BlobUploadOptions upload = new()
        {
            Conditions = new BlobRequestConditions { IfNoneMatch = ETag.All },
            AccessTier = options.Temperature == ObjectTemperature.Cold ? _options.ColdTier : null,
            TransferOptions = new StorageTransferOptions { InitialTransferSize = _options.SinglePutLength, MaximumTransferSize = Math.Min(BlockLength, _options.SinglePutLength), MaximumConcurrency = 4 },
            TransferValidation = new UploadTransferValidationOptions { ChecksumAlgorithm = StorageChecksumAlgorithm.MD5 },
        };
        try
        {
            await RunAsync(
                name, "created", content.Length,
                token => Blob(name).UploadAsync(AsStream(content), upload, token),
                cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (ObjectStoreException exception) when (exception.InnerException is RequestFailedException failed && AzureFaults.IsNameTaken(failed))
        {
            return false;
        }
        catch (ObjectStoreException exception) when (exception.InnerException is RequestFailedException { ErrorCode: "InvalidBlockList" })
        {
            // Another creation of the name, when it ended, removed the blocks that were not its own.
            return await ExistsAsync(name, cancellationToken).ConfigureAwait(false)
                ? false
                : throw new ObjectStoreException(name, $"blocks of it were gone from {Location} before they were committed.", exception) { IsTransient = true };
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask<int> ReadCoreAsync(string name, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        if (buffer.IsEmpty)
        {
            return await GetInfoCoreAsync(name, mode, cancellationToken).ConfigureAwait(false) is null ? throw new ObjectNotFoundException(name) : 0;
        }

        try
        {
            return await RunAsync(name, "read", buffer.Length, token => ReadRangeAsync(name, buffer, offset, token), cancellationToken).ConfigureAwait(false);
        }
        catch (ObjectStoreException exception) when (exception.InnerException is RequestFailedException { Status: (int)HttpStatusCode.RequestedRangeNotSatisfiable })
        {
            return 0; // The object ends before the offset.
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask<ObjectInfo?> GetInfoCoreAsync(string name, IoMode mode, CancellationToken cancellationToken)
    {
        try
        {
            Response<BlobProperties> answer = await RunAsync(name, "asked for", 0, token => Blob(name).GetPropertiesAsync(null, token), cancellationToken).ConfigureAwait(false);
            BlobProperties properties = answer.Value;
            return new ObjectInfo(name, properties.ContentLength, properties.LastModified, Checksum(properties.ContentHash));
        }
        catch (ObjectNotFoundException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    protected override async IAsyncEnumerable<ObjectInfo> ListCoreAsync(string prefix, string? startAfter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string blobPrefix = _blobPrefix + prefix;
        string? after = startAfter is null ? null : _blobPrefix + startAfter;
        if (after is not null && string.CompareOrdinal(after, blobPrefix) < 0)
        {
            after = null;
        }
        else if (after is not null && !after.StartsWith(blobPrefix, StringComparison.Ordinal))
        {
            yield break; // Every name of the prefix comes before it.
        }

        // The service begins with the name. One that does not know how begins at the front, unless it is told where a page of an earlier list ended.
        string? continuation = after is null ? null : _pages.Find(blobPrefix, after);
        GetBlobsOptions options = new() { Prefix = blobPrefix, StartFrom = continuation is null ? after : null };
        string last = string.Empty;
        do
        {
            Page<BlobItem> page = await RunAsync(null, "listed", 0, token => ListPageAsync(options, continuation, token), cancellationToken).ConfigureAwait(false);
            foreach (BlobItem item in page.Values)
            {
                if (string.CompareOrdinal(item.Name, last) <= 0)
                {
                    throw new ObjectStoreException(
                        $"The store: {Location} lists '{item.Name}' after '{last}', which is not the order of names. Accounts with a hierarchical namespace do so, and cannot carry a store.");
                }

                last = item.Name;
                if (after is null || string.CompareOrdinal(last, after) > 0)
                {
                    yield return new ObjectInfo(
                        last[_blobPrefix.Length..], item.Properties.ContentLength ?? 0, item.Properties.LastModified ?? DateTimeOffset.UnixEpoch, Checksum(item.Properties.ContentHash));
                }
            }

            continuation = string.IsNullOrEmpty(page.ContinuationToken) ? null : page.ContinuationToken;
            if (continuation is not null && last.Length > 0)
            {
                _pages.Add(blobPrefix, last, continuation);
            }
        }
        while (continuation is not null);
    }

    /// <inheritdoc/>
    protected override async ValueTask DeleteCoreAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        ParallelOptions parallel = new() { MaxDegreeOfParallelism = _options.MaximumConcurrency, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(
            names, parallel,
            async (name, token) => await RunAsync(
                name, "deleted", 0,
                inner => Blob(name).DeleteIfExistsAsync(DeleteSnapshotsOption.IncludeSnapshots, null, inner),
                token).ConfigureAwait(false)).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _connections?.Dispose();
        base.Dispose(disposing);
    }

    private static BlobServiceClient CreateClient(AzureBlobObjectStoreOptions options, HttpPipelineTransport transport)
    {
        BlobClientOptions client = new() { Transport = transport };
        client.Retry.MaxRetries = 0;
        client.Retry.NetworkTimeout = Timeout.InfiniteTimeSpan;
        client.Diagnostics.IsLoggingContentEnabled = false;
        return options switch
        {
            { Key: { } key } => new BlobServiceClient(options.Endpoint, key, client),
            { Signature: { } signature } => new BlobServiceClient(options.Endpoint, signature, client),
            { Token: { } token } => new BlobServiceClient(options.Endpoint, token, client),
            _ => new BlobServiceClient(options.Endpoint, new DefaultAzureCredential(), client),
        };
    }

    // The vendor's client computes it again while it sends; it takes none that is known.
    [System.Diagnostics.CodeAnalysis.SuppressMessage("Security", "CA5351", Justification = "The checksum of the service, against accidents.")]
    private static ObjectChecksum Md5(ReadOnlyMemory<byte> content) => new(ObjectChecksumKind.Md5, MD5.HashData(content.Span));

    private static ObjectChecksum Checksum(byte[]? hash) => hash is { Length: 16 } ? new ObjectChecksum(ObjectChecksumKind.Md5, hash) : default;

    private static MemoryStream AsStream(ReadOnlyMemory<byte> content) =>
        MemoryMarshal.TryGetArray(content, out ArraySegment<byte> segment)
            ? new MemoryStream(segment.Array!, segment.Offset, segment.Count, writable: false)
            : new MemoryStream(content.ToArray(), writable: false);

    private BlockBlobClient Blob(string name) => _container.GetBlockBlobClient(_blobPrefix + name);

    private async Task<int> ReadRangeAsync(string name, Memory<byte> buffer, long offset, CancellationToken cancellationToken)
    {
        Response<BlobDownloadStreamingResult> answer = await Blob(name)
            .DownloadStreamingAsync(new BlobDownloadOptions { Range = new HttpRange(offset, buffer.Length) }, cancellationToken).ConfigureAwait(false);
        BlobDownloadStreamingResult result = answer.Value;
        Stream body = result.Content;
        await using (body.ConfigureAwait(false))
        {
            string range = string.Create(CultureInfo.InvariantCulture, $"bytes {offset}-");
            if (result.Details.ContentLength > buffer.Length || result.Details.ContentRange?.StartsWith(range, StringComparison.Ordinal) != true)
            {
                throw new ObjectStoreException(
                    name, $"{Location} answered the request for {buffer.Length} bytes at {offset} with {result.Details.ContentLength} bytes of range '{result.Details.ContentRange}'.", null)
                {
                    IsTransient = true,
                };
            }

            int expected = (int)result.Details.ContentLength;
            int count = await body.ReadAtLeastAsync(buffer[..expected], expected, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
            return count == expected
                ? count
                : throw new ObjectStoreException(name, $"{Location} announced {expected} bytes and sent {count}.", null) { IsTransient = true };
        }
    }

    private async Task<Page<BlobItem>> ListPageAsync(GetBlobsOptions options, string? continuation, CancellationToken cancellationToken)
    {
        IAsyncEnumerator<Page<BlobItem>> pages = _container.GetBlobsAsync(options, cancellationToken).AsPages(continuation, _options.ListPageLength).GetAsyncEnumerator(cancellationToken);
        await using (pages.ConfigureAwait(false))
        {
            await pages.MoveNextAsync().ConfigureAwait(false);
            return pages.Current;
        }
    }

    private async ValueTask EnsureContainerAsync(CancellationToken cancellationToken)
    {
        if (_options.CreateContainer)
        {
            await RunAsync(null, "opened", 0, token => _container.CreateIfNotExistsAsync(PublicAccessType.None, null, null, token), cancellationToken).ConfigureAwait(false);
            return;
        }

        // A list is what every reader may ask for; properties of the container are not.
        await foreach (ObjectInfo _ in ListCoreAsync(string.Empty, null, cancellationToken).ConfigureAwait(false))
        {
            break;
        }
    }

    private async ValueTask<T> RunAsync<T>(string? name, string action, long length, Func<CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_options.RequestTimeout + TimeSpan.FromSeconds(length / BytesPerSecond));
        try
        {
            return await call(limit.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is not ObjectStoreException && !cancellationToken.IsCancellationRequested)
        {
            throw AzureFaults.Translate(exception, name, action, Location);
        }
    }
}
