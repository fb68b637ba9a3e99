using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.GoogleCloud.Gcs;

/// <summary>A store of objects in a bucket of Google Cloud Storage, over its JSON interface.</summary>
/// <remarks>
/// <para>An object is created on condition that its name is free (<c>ifGenerationMatch=0</c>), which the service decides at the end of the
/// upload: exactly one of many creators wins. Its CRC-32C is sent with it and held against the answer.</para>
/// <para>Every member may be called from several threads at once. Calls that failed are repeated by <see cref="RetryingObjectStore"/>, pieces of
/// a resumable upload here. Does not own the connection.</para>
/// </remarks>
public sealed class GcsObjectStore : ObjectStore
{
    /// <summary>The longest object of the service, 5 TiB.</summary>
    private const long LongestObject = 5L << 40;

    private static readonly MediaTypeHeaderValue s_binary = new("application/octet-stream");

    private readonly GoogleCloudConnection _connection;
    private readonly GcsObjectStoreOptions _options;
    private readonly string _bucketPath;
    private readonly string _prefix;

    private GcsObjectStore(GoogleCloudConnection connection, GcsObjectStoreOptions options)
    {
        _connection = connection;
        _options = options;
        _bucketPath = $"/storage/v1/b/{Uri.EscapeDataString(options.Bucket)}";
        _prefix = options.Prefix.Length == 0 ? string.Empty : options.Prefix + "/";
        Location = options.Prefix.Length == 0 ? $"gs://{options.Bucket}" : $"gs://{options.Bucket}/{options.Prefix}";
        Capabilities = new ObjectStoreCapabilities
        {
            ChecksumKind = ObjectChecksumKind.Crc32C,
            MaximumObjectLength = LongestObject,
            PreferredConcurrency = options.Concurrency,
        };
    }

    /// <inheritdoc/>
    public override ObjectStoreCapabilities Capabilities { get; }

    /// <inheritdoc/>
    public override string Location { get; }

    /// <summary>Opens a store; the bucket is looked for, and created where that is asked for.</summary>
    /// <param name="connection">The service; not owned, and used until the store is disposed.</param>
    /// <param name="options">Which bucket, and how it is used.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The store, which the caller owns.</returns>
    /// <exception cref="ArgumentException">An option is not valid.</exception>
    /// <exception cref="ObjectStoreException">The service cannot be reached or refuses, or there is no such bucket.</exception>
    public static async ValueTask<GcsObjectStore> OpenAsync(GoogleCloudConnection connection, GcsObjectStoreOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        GcsObjectStore store = new(connection, options);
        await store.CallAsync(null, store.FindBucketAsync, cancellationToken).ConfigureAwait(false);
        return store;
    }

    /// <inheritdoc/>
    protected override ValueTask<bool> TryCreateCoreAsync(string name, ReadOnlyMemory<byte> content, ObjectCreateOptions options, CancellationToken cancellationToken)
    {
        uint checksum = options.Checksum.Kind == ObjectChecksumKind.Crc32C ? BinaryPrimitives.ReadUInt32BigEndian(options.Checksum.Value) : Crc32C.HashToUInt32(content.Span);
        return content.Length <= _options.SingleRequestLength
            ? CallAsync(name, token => CreateAtOnceAsync(name, content, checksum, options, token), cancellationToken)
            : CreateInPiecesAsync(name, content, checksum, options, cancellationToken);
    }

    /// <inheritdoc/>
    protected override ValueTask<int> ReadCoreAsync(string name, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken) =>
        CallAsync(
            name,
            async token =>
            {
                if (buffer.IsEmpty)
                {
                    return await AskAsync(name, token).ConfigureAwait(false) is null ? throw new ObjectNotFoundException(name) : 0;
                }

                long last = offset > long.MaxValue - buffer.Length ? long.MaxValue : offset + buffer.Length - 1;
                using HttpResponseMessage response = await _connection.SendAsync(
                    () => new HttpRequestMessage(HttpMethod.Get, $"{AddressOf(name)}?alt=media") { Headers = { Range = new RangeHeaderValue(offset, last) } },
                    token).ConfigureAwait(false);
                switch (response.StatusCode)
                {
                    case HttpStatusCode.PartialContent:
                        return await ReadBodyAsync(name, response, buffer, offset, token).ConfigureAwait(false);
                    case HttpStatusCode.RequestedRangeNotSatisfiable:
                        return 0;
                    case HttpStatusCode.OK when response.Content.Headers.ContentLength == 0:
                        return 0;
                    case HttpStatusCode.NotFound:
                        throw new ObjectNotFoundException(name);
                    case HttpStatusCode.OK:
                        throw new ObjectStoreException(name, "the service answered with the whole object where a range was asked for.", null);
                    default:
                        throw await GoogleCloudHttp.FaultAsync("an object", response, token).ConfigureAwait(false);
                }
            },
            cancellationToken);

    /// <inheritdoc/>
    protected override ValueTask<ObjectInfo?> GetInfoCoreAsync(string name, IoMode mode, CancellationToken cancellationToken) =>
        CallAsync(name, token => AskAsync(name, token), cancellationToken);

    /// <inheritdoc/>
    protected override async IAsyncEnumerable<ObjectInfo> ListCoreAsync(string prefix, string? startAfter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? pageToken = null;
        string previous = startAfter is null ? string.Empty : _prefix + startAfter;
        do
        {
            (List<GcsObject> page, pageToken) = await CallAsync(null, token => ListPageAsync(_prefix + prefix, startAfter, pageToken, token), cancellationToken).ConfigureAwait(false);
            foreach (GcsObject entry in page)
            {
                cancellationToken.ThrowIfCancellationRequested();

                // The service begins with the name itself, where there is one.
                if (startAfter is not null && entry.Name.Length == _prefix.Length + startAfter.Length && entry.Name.EndsWith(startAfter, StringComparison.Ordinal))
                {
                    continue;
                }

                if (!entry.Name.StartsWith(_prefix + prefix, StringComparison.Ordinal) || string.CompareOrdinal(entry.Name, previous) <= 0)
                {
                    throw new ObjectStoreException($"The listing of a bucket has '{entry.Name}' after '{previous}': names in order that begin with '{_prefix}{prefix}' were expected.");
                }

                previous = entry.Name;
                yield return entry.ToInfo(entry.Name[_prefix.Length..]);
            }
        }
        while (pageToken is not null);
    }

    /// <inheritdoc/>
    protected override async ValueTask DeleteCoreAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await Parallel.ForEachAsync(
            names,
            new ParallelOptions { MaxDegreeOfParallelism = _options.Concurrency, CancellationToken = cancellationToken },
            async (name, token) => await CallAsync(name, inner => DeleteOneAsync(name, inner), token).ConfigureAwait(false)).ConfigureAwait(false);
    }

    private async Task<bool> CreateAtOnceAsync(string name, ReadOnlyMemory<byte> content, uint checksum, ObjectCreateOptions options, CancellationToken cancellationToken)
    {
        byte[] metadata = Encoding.UTF8.GetBytes(MakeMetadata(name, checksum, options).ToJsonString());
        string address = $"{_connection.Address}/upload{_bucketPath}/o?uploadType=multipart&ifGenerationMatch=0&fields={GcsObject.Fields}";
        using HttpResponseMessage response = await _connection.SendAsync(() => MakeMultipart(address, metadata, content), cancellationToken).ConfigureAwait(false);
        switch (response.StatusCode)
        {
            case HttpStatusCode.OK:
                using (JsonDocument body = await GoogleCloudHttp.ReadJsonAsync(response, cancellationToken).ConfigureAwait(false))
                {
                    ThrowIfStoredOtherwise(name, GcsObject.Read(body.RootElement), content.Length, checksum);
                    return true;
                }

            case HttpStatusCode.PreconditionFailed:
                return false;
            case HttpStatusCode.NotFound:
                throw NoBucket();
            default:
                throw await FaultOfCreationAsync(name, response, options, cancellationToken).ConfigureAwait(false);
        }
    }

    // A session that expired is begun anew once: the content is here.
    private async ValueTask<bool> CreateInPiecesAsync(string name, ReadOnlyMemory<byte> content, uint checksum, ObjectCreateOptions options, CancellationToken cancellationToken)
    {
        for (bool isSecond = false; ; isSecond = true)
        {
            GcsResumableUpload? upload = await CallAsync(
                name,
                token => GcsResumableUpload.BeginAsync(_connection, _options.Bucket, MakeMetadata(name, checksum, options), false, content.Length, _options.RequestTimeout, token),
                cancellationToken).ConfigureAwait(false);
            if (upload is null)
            {
                return false;
            }

            try
            {
                return await SendPiecesAsync(name, upload, content, checksum, cancellationToken).ConfigureAwait(false);
            }
            catch (GcsSessionExpiredException exception)
            {
                if (isSecond)
                {
                    throw new ObjectStoreException(name, exception.Message, exception) { IsTransient = true };
                }
            }
            catch (ObjectStoreException exception) when (exception.InnerException is GoogleCloudException fault && IsAboutChecksum(fault))
            {
                throw Damaged(name, fault, options);
            }
        }
    }

    private async Task<bool> SendPiecesAsync(string name, GcsResumableUpload upload, ReadOnlyMemory<byte> content, uint checksum, CancellationToken cancellationToken)
    {
        for (int offset = 0; offset < content.Length || upload.Result is null;)
        {
            int count = Math.Min(_options.PieceLength, content.Length - offset);
            long? total = offset + count == content.Length ? content.Length : null;
            if (!await FaultsAsync(name, () => upload.SendAsync(content.Slice(offset, count), offset, total, cancellationToken)).ConfigureAwait(false))
            {
                return false;
            }

            offset += count;
        }

        ThrowIfStoredOtherwise(name, upload.Result, content.Length, checksum);
        return true;
    }

    private JsonObject MakeMetadata(string name, uint checksum, ObjectCreateOptions options)
    {
        JsonObject metadata = new()
        {
            ["name"] = _prefix + name,
            ["contentType"] = s_binary.MediaType,
            ["crc32c"] = GcsObject.FormatChecksum(checksum),
        };
        string? storageClass = options.Temperature switch
        {
            ObjectTemperature.Warm => _options.WarmStorageClass,
            ObjectTemperature.Cold => _options.ColdStorageClass,
            _ => null,
        };
        if (storageClass is not null)
        {
            metadata["storageClass"] = storageClass;
        }

        return metadata;
    }

    private static HttpRequestMessage MakeMultipart(string address, byte[] metadata, ReadOnlyMemory<byte> content)
    {
        MultipartContent body = new("related", $"cloudimage-{Guid.NewGuid():N}");
        ByteArrayContent description = new(metadata);
        description.Headers.ContentType = new MediaTypeHeaderValue("application/json", "UTF-8");
        body.Add(description);
        ReadOnlyMemoryContent media = new(content);
        media.Headers.ContentType = s_binary;
        body.Add(media);
        return new HttpRequestMessage(HttpMethod.Post, address) { Content = body };
    }

    private static async Task<Exception> FaultOfCreationAsync(string name, HttpResponseMessage response, ObjectCreateOptions options, CancellationToken cancellationToken)
    {
        GoogleCloudException fault = await GoogleCloudHttp.FaultAsync("a new object", response, cancellationToken).ConfigureAwait(false);
        return IsAboutChecksum(fault) ? Damaged(name, fault, options) : fault;
    }

    private static bool IsAboutChecksum(GoogleCloudException fault) =>
        fault.StatusCode == HttpStatusCode.BadRequest && fault.Message.Contains("crc32c", StringComparison.OrdinalIgnoreCase);

    private static ObjectStoreException Damaged(string name, GoogleCloudException fault, ObjectCreateOptions options) =>
        new(name, $"the service received other bytes than were announced. {fault.Message}", fault) { IsTransient = options.Checksum.Kind != ObjectChecksumKind.Crc32C };

    private static void ThrowIfStoredOtherwise(string name, GcsObject? stored, long length, uint checksum)
    {
        if (stored is null || stored.Length != length || stored.Checksum is not { } kept || kept != checksum)
        {
            throw new ObjectStoreException(
                name, $"the service stored {stored?.Length} bytes with the CRC-32C {stored?.Checksum:x8}, where {length} with {checksum:x8} were sent.", null);
        }
    }

    private static async Task<int> ReadBodyAsync(string name, HttpResponseMessage response, Memory<byte> buffer, long offset, CancellationToken cancellationToken)
    {
        ContentRangeHeaderValue? range = response.Content.Headers.ContentRange;
        if (range is not { Unit: "bytes", From: { } from, To: { } to, Length: { } length } || from != offset || to < from || to - from >= buffer.Length || length <= offset)
        {
            throw new ObjectStoreException(name, $"the service sent the range '{range}' where {buffer.Length} bytes at {offset} were asked for.", null);
        }

        int expected = (int)Math.Min(buffer.Length, length - offset);
        Stream body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await using (body.ConfigureAwait(false))
        {
            int count = await body.ReadAtLeastAsync(buffer[..expected], expected, false, cancellationToken).ConfigureAwait(false);
            if (count != expected)
            {
                throw new ObjectStoreException(name, $"the service sent {count} bytes of the {expected} at {offset} and ended.", null) { IsTransient = true };
            }
        }

        if (expected == length && ReadChecksum(response) is { } checksum && checksum != Crc32C.HashToUInt32(buffer.Span[..expected]))
        {
            throw new ObjectStoreException(name, "the bytes that came do not have the CRC-32C that the service keeps of it.", null) { IsTransient = true };
        }

        return expected;
    }

    // x-goog-hash: crc32c=n03x6A==,md5=..., in one header or in two.
    private static uint? ReadChecksum(HttpResponseMessage response) =>
        response.Headers.TryGetValues("x-goog-hash", out IEnumerable<string>? values)
            ? values.SelectMany(static value => value.Split(',')).Select(static part => part.Trim())
                .Where(static part => part.StartsWith("crc32c=", StringComparison.Ordinal)).Select(static part => GcsObject.ParseChecksum(part[7..])).FirstOrDefault()
            : null;

    private async Task<ObjectInfo?> AskAsync(string name, CancellationToken cancellationToken)
    {
        using HttpResponseMessage response = await _connection.SendAsync(() => new HttpRequestMessage(HttpMethod.Get, $"{AddressOf(name)}?fields={GcsObject.Fields}"), cancellationToken).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }

        if (response.StatusCode != HttpStatusCode.OK)
        {
            throw await GoogleCloudHttp.FaultAsync("an object", response, cancellationToken).ConfigureAwait(false);
        }

        using JsonDocument body = await GoogleCloudHttp.ReadJsonAsync(response, cancellationToken).ConfigureAwait(false);
        return GcsObject.Read(body.RootElement).ToInfo(name);
    }

    private async Task<(List<GcsObject> Page, string? Next)> ListPageAsync(string prefix, string? startAfter, string? pageToken, CancellationToken cancellationToken)
    {
        StringBuilder address = new($"{_connection.Address}{_bucketPath}/o?maxResults={_options.ListPageLength}&fields=nextPageToken,items({GcsObject.Fields})");
        Append("prefix", prefix.Length == 0 ? null : prefix);
        Append("startOffset", startAfter is null ? null : _prefix + startAfter);
        Append("pageToken", pageToken);
        using HttpResponseMessage response = await _connection.SendAsync(() => new HttpRequestMessage(HttpMethod.Get, address.ToString()), cancellationToken).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.NotFound)
        {
            throw NoBucket();
        }

        if (response.StatusCode != HttpStatusCode.OK)
        {
            throw await GoogleCloudHttp.FaultAsync("a listing", response, cancellationToken).ConfigureAwait(false);
        }

        using JsonDocument body = await GoogleCloudHttp.ReadJsonAsync(response, cancellationToken).ConfigureAwait(false);
        List<GcsObject> page = [];
        if (GoogleCloudHttp.TryGet(body.RootElement, "items", JsonValueKind.Array, out JsonElement items))
        {
            foreach (JsonElement item in items.EnumerateArray())
            {
                page.Add(GcsObject.Read(item));
            }
        }

        string? next = GoogleCloudHttp.Text(body.RootElement, "nextPageToken");
        return next == pageToken && next is not null
            ? throw new ObjectStoreException("The listing of a bucket goes on with the page that it has just answered.")
            : (page, next);

        void Append(string parameter, string? value)
        {
            if (value is not null)
            {
                address.Append('&').Append(parameter).Append('=').Append(Uri.EscapeDataString(value));
            }
        }
    }

    private async Task<bool> DeleteOneAsync(string name, CancellationToken cancellationToken)
    {
        using HttpResponseMessage response = await _connection.SendAsync(() => new HttpRequestMessage(HttpMethod.Delete, AddressOf(name)), cancellationToken).ConfigureAwait(false);
        return response.IsSuccessStatusCode || response.StatusCode == HttpStatusCode.NotFound
            ? true
            : throw await GoogleCloudHttp.FaultAsync("a deletion", response, cancellationToken).ConfigureAwait(false);
    }

    private async Task<bool> FindBucketAsync(CancellationToken cancellationToken)
    {
        using HttpResponseMessage found = await _connection.SendAsync(
            () => new HttpRequestMessage(HttpMethod.Get, $"{_connection.Address}{_bucketPath}/o?maxResults=1&fields=nextPageToken"), cancellationToken).ConfigureAwait(false);
        if (found.StatusCode == HttpStatusCode.OK)
        {
            return true;
        }

        if (found.StatusCode != HttpStatusCode.NotFound)
        {
            throw await GoogleCloudHttp.FaultAsync($"bucket '{_options.Bucket}'", found, cancellationToken).ConfigureAwait(false);
        }

        return _options.CreateBucket ? await CreateBucketAsync(cancellationToken).ConfigureAwait(false) : throw NoBucket();
    }

    private async Task<bool> CreateBucketAsync(CancellationToken cancellationToken)
    {
        JsonObject bucket = new()
        {
            ["name"] = _options.Bucket,
            ["iamConfiguration"] = new JsonObject { ["uniformBucketLevelAccess"] = new JsonObject { ["enabled"] = true } },
        };
        if (_options.Location is { } location)
        {
            bucket["location"] = location;
        }

        byte[] body = Encoding.UTF8.GetBytes(bucket.ToJsonString());
        using HttpResponseMessage created = await _connection.SendAsync(
            () =>
            {
                HttpRequestMessage request = new(HttpMethod.Post, $"{_connection.Address}/storage/v1/b?project={Uri.EscapeDataString(_options.Project!)}") { Content = new ByteArrayContent(body) };
                request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
                return request;
            },
            cancellationToken).ConfigureAwait(false);

        // Another may have created it meanwhile; whether it is ours to use, the first object tells.
        return created.StatusCode is HttpStatusCode.OK or HttpStatusCode.Conflict
            ? true
            : throw await GoogleCloudHttp.FaultAsync($"a new bucket '{_options.Bucket}'", created, cancellationToken).ConfigureAwait(false);
    }

    private string AddressOf(string name) => $"{_connection.Address}{_bucketPath}/o/{Uri.EscapeDataString(_prefix + name)}";

    private ObjectStoreException NoBucket() =>
        new($"There is no bucket '{_options.Bucket}', or it is not for these credentials to see. Create it, or say that it may be created (create-bucket=true&project=ID in an address).");

    private async ValueTask<T> CallAsync<T>(string? name, Func<CancellationToken, Task<T>> call, CancellationToken cancellationToken) =>
        await FaultsAsync(name, () => GcsCall.RunAsync(_options.RequestTimeout, call, cancellationToken)).ConfigureAwait(false);

    private static async Task<T> FaultsAsync<T>(string? name, Func<Task<T>> call)
    {
        try
        {
            return await call().ConfigureAwait(false);
        }
        catch (GoogleCloudException exception)
        {
            throw name is null
                ? new ObjectStoreException(exception.Message, exception) { IsTransient = exception.IsTransient, RetryAfter = exception.RetryAfter }
                : new ObjectStoreException(name, exception.Message, exception) { IsTransient = exception.IsTransient, RetryAfter = exception.RetryAfter };
        }
    }
}
