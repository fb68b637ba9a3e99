using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;
using Amazon.Runtime;
using Amazon.Runtime.Credentials;
using Amazon.S3;
using Amazon.S3.Model;
using CloudImage.Sdk.Aws.S3;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Aws;

/// <summary>Objects in a bucket of Amazon S3, or of a service that speaks its protocol.</summary>
/// <remarks>
/// <para>An object is created by one request with the condition that its name is free; above
/// <see cref="S3ObjectStoreOptions.SinglePutLength"/> in parts where the service holds the condition there too. The SHA-256 of the content
/// is computed once, or taken from the creator, and goes into the head of the request: it is signed, and kept by services that keep checksums.</para>
/// <para>Nothing is repeated here: wrap the store in a <see cref="RetryingObjectStore"/>, as <see cref="S3ObjectStoreProvider"/> does. Only a wrong
/// clock is corrected by the service's own, and the request made once more. Names whose segments begin with a dot are not seen: the probe keeps its object there. Every member may be called from several threads at once.</para>
/// </remarks>
public sealed partial class S3ObjectStore : ObjectStore
{
    private const int ListPage = 1000;
    private const int BodyBytesPerSecond = 256 << 10;

    private readonly S3ObjectStoreOptions _options;
    private readonly S3ServiceProfile _profile;
    private readonly S3Client _client;
    private readonly RenewedCredentials? _credentials;
    private readonly string _keyPrefix;

    private S3ObjectStore(S3ObjectStoreOptions options, S3ServiceProfile profile, S3Client client, RenewedCredentials? credentials, S3ProbeResult probe)
    {
        _options = options;
        _profile = profile;
        _client = client;
        _credentials = credentials;
        _keyPrefix = options.Prefix.Length == 0 ? string.Empty : options.Prefix + "/";
        Probe = probe;
        Location = Describe(options);
        Capabilities = new ObjectStoreCapabilities
        {
            HasAtomicCreate = probe.HasAtomicCreate,
            Service = profile.Name,
            AtomicCreateReason = probe.Reason,
            ChecksumKind = profile.ChecksumKind,
            MaximumObjectLength = Math.Min(Array.MaxLength, profile.MaximumPutLength),
            PreferredConcurrency = options.MaximumConcurrency,
        };
    }

    /// <inheritdoc/>
    public override ObjectStoreCapabilities Capabilities { get; }

    /// <inheritdoc/>
    public override string Location { get; }

    /// <summary>What the service understands.</summary>
    public S3ServiceProfile Profile => _profile;

    /// <summary>What was found when the store was opened.</summary>
    public S3ProbeResult Probe { get; }

    /// <summary>Opens a store: sees that the bucket is there, and whether the service refuses to create a name twice.</summary>
    /// <param name="options">Where it is.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The store, which the caller owns.</returns>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    /// <exception cref="ObjectStoreException">
    /// The service cannot be reached or refuses, there is no such bucket, or a service whose profile says that it refuses to create a name twice did it.
    /// </exception>
    /// <remarks>
    /// One or two requests, and one more where a missing bucket is to be made: an object <c>.cloudimage-probe</c> beside those of the store is created again and again. A service that is not known,
    /// and does not refuse that, is opened without atomic creation, and <see cref="Probe"/> says why.
    /// </remarks>
    public static ValueTask<S3ObjectStore> OpenAsync(S3ObjectStoreOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        return OpenAsync(options, static () => new DefaultAWSCredentialsIdentityResolver().ResolveIdentity(null), cancellationToken);
    }

    internal static async ValueTask<S3ObjectStore> OpenAsync(S3ObjectStoreOptions options, Func<AWSCredentials> find, CancellationToken cancellationToken)
    {
        S3ServiceProfile profile = options.Profile ?? S3ServiceProfile.FindByEndpoint(options.Endpoint);
        RenewedCredentials? renewed = options.Credentials is null ? new RenewedCredentials(find) : null;
        S3Client client = S3Client.Create(options, profile, options.Credentials ?? renewed!);
        try
        {
            // The store that asks does not rely on what it asks for.
            S3ObjectStore asking = new(options, profile, client, renewed, new S3ProbeResult(false, "It was not asked."));
            S3ProbeResult result = await asking.ProbeAsync(cancellationToken).ConfigureAwait(false);
            S3ServiceProfile found = result.HasAtomicCreate ? profile : profile.With(S3CreateCondition.None);
            return new S3ObjectStore(options, found, client, renewed, result);
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask<bool> TryCreateCoreAsync(string name, ReadOnlyMemory<byte> content, ObjectCreateOptions options, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (content.Length > _options.SinglePutLength && _profile.CompletesIfAbsent)
        {
            return await CreateInPartsAsync(name, content, options, cancellationToken).ConfigureAwait(false);
        }

        if (_profile.CreateCondition == S3CreateCondition.None && await GetInfoCoreAsync(name, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false) is not null)
        {
            return false;
        }

        byte[] sha256 = options.Checksum.Kind == ObjectChecksumKind.Sha256 ? options.Checksum.Value.ToArray() : SHA256.HashData(content.Span);
        return await PutAsync(name, content, sha256, options.Temperature == ObjectTemperature.Cold ? _options.ColdStorageClass : null, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override async ValueTask<int> ReadCoreAsync(string name, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (buffer.IsEmpty)
        {
            return await GetInfoCoreAsync(name, mode, cancellationToken).ConfigureAwait(false) is null ? throw new ObjectNotFoundException(name) : 0;
        }

        long last = offset > long.MaxValue - buffer.Length ? long.MaxValue : offset + buffer.Length - 1;
        GetObjectRequest request = new() { BucketName = _options.Bucket, Key = _keyPrefix + name, ByteRange = new ByteRange(offset, last) };
        try
        {
            return await RunAsync(
                name, "read", buffer.Length,
                async token =>
                {
                    using GetObjectResponse response = await _client.GetObjectAsync(request, token).ConfigureAwait(false);
                    return await ReadBodyAsync(response, name, buffer, offset, token).ConfigureAwait(false);
                },
                cancellationToken).ConfigureAwait(false);
        }
        catch (ObjectStoreException exception) when (exception.InnerException is AmazonS3Exception { StatusCode: HttpStatusCode.RequestedRangeNotSatisfiable })
        {
            return 0;
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask<ObjectInfo?> GetInfoCoreAsync(string name, IoMode mode, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        GetObjectMetadataRequest request = new() { BucketName = _options.Bucket, Key = _keyPrefix + name };
        if (_profile.SendsChecksum)
        {
            request.ChecksumMode = ChecksumMode.ENABLED;
        }

        try
        {
            GetObjectMetadataResponse response = await RunAsync(
                name, "asked for", 0, token => new ValueTask<GetObjectMetadataResponse>(_client.GetObjectMetadataAsync(request, token)), cancellationToken).ConfigureAwait(false);
            return new ObjectInfo(name, response.ContentLength, ToUtc(response.LastModified), ParseChecksum(response.ChecksumSHA256));
        }
        catch (ObjectNotFoundException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    protected override async IAsyncEnumerable<ObjectInfo> ListCoreAsync(string prefix, string? startAfter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // Each page begins after the last key of the one before: what every service understands, and what can be taken up after a fault.
        string? after = startAfter is null ? null : _keyPrefix + startAfter;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            (List<S3Object>? objects, bool isTruncated) = await ListPageAsync(_keyPrefix + prefix, after, cancellationToken).ConfigureAwait(false);
            foreach (S3Object found in objects ?? [])
            {
                if (after is not null && string.CompareOrdinal(found.Key, after) <= 0)
                {
                    throw new ObjectStoreException($"The store: {Location} lists '{found.Key}' after '{after}', which is not the order that was asked for.") { IsTransient = true };
                }

                after = found.Key;
                if (IsOfTheStore(found.Key))
                {
                    yield return new ObjectInfo(found.Key[_keyPrefix.Length..], found.Size ?? 0, ToUtc(found.LastModified), default);
                }
            }

            if (!isTruncated || objects is not { Count: > 0 })
            {
                yield break;
            }
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask DeleteCoreAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        string[] distinct = [.. new HashSet<string>(names, StringComparer.Ordinal)];
        if (distinct.Length == 1 || _profile.DeleteBatch == 1)
        {
            ParallelOptions parallel = new() { MaxDegreeOfParallelism = _options.MaximumConcurrency, CancellationToken = cancellationToken };
            await Parallel.ForEachAsync(distinct, parallel, (name, token) => DeleteOneAsync(name, token)).ConfigureAwait(false);
            return;
        }

        for (int start = 0; start < distinct.Length; start += _profile.DeleteBatch)
        {
            await DeleteBatchAsync(new ArraySegment<string>(distinct, start, Math.Min(_profile.DeleteBatch, distinct.Length - start)), cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _client.Dispose();
        }

        base.Dispose(disposing);
    }

    private static string Describe(S3ObjectStoreOptions options)
    {
        string place = options.Prefix.Length == 0 ? $"s3://{options.Bucket}" : $"s3://{options.Bucket}/{options.Prefix}";
        return options.Endpoint is { } endpoint ? $"{place} at {endpoint.GetLeftPart(UriPartial.Path).TrimEnd('/')}" : place;
    }

    private static DateTimeOffset ToUtc(DateTime? time) => time is { } known ? new DateTimeOffset(known.ToUniversalTime(), TimeSpan.Zero) : DateTimeOffset.UnixEpoch;

    // Of an object that was uploaded in parts, services tell the checksum of the parts' checksums, marked by a dash.
    private static ObjectChecksum ParseChecksum(string? text)
    {
        Span<byte> bytes = stackalloc byte[33];
        return text is not null && Convert.TryFromBase64String(text, bytes, out int length) && length == 32
            ? new ObjectChecksum(ObjectChecksumKind.Sha256, bytes[..32])
            : default;
    }

    private static MemoryStream AsStream(ReadOnlyMemory<byte> content) =>
        MemoryMarshal.TryGetArray(content, out ArraySegment<byte> segment)
            ? new MemoryStream(segment.Array!, segment.Offset, segment.Count, false)
            : new MemoryStream(content.ToArray(), false);

    private async ValueTask<int> ReadBodyAsync(GetObjectResponse response, string name, Memory<byte> buffer, long offset, CancellationToken cancellationToken)
    {
        bool isRange = response.HttpStatusCode == HttpStatusCode.PartialContent;
        bool isRight = isRange
            ? response.ContentLength <= buffer.Length
                && response.ContentRange?.StartsWith(string.Create(CultureInfo.InvariantCulture, $"bytes {offset}-"), StringComparison.Ordinal) == true
            : offset == 0;
        if (!isRight)
        {
            throw new ObjectStoreException(
                name, $"{Location} answered the request for {buffer.Length} bytes at {offset} with {response.ContentLength} bytes of range '{response.ContentRange}'.", null)
            {
                IsTransient = true,
            };
        }

        int length = (int)Math.Min(response.ContentLength, buffer.Length);
        for (int count = 0; count < length;)
        {
            int read = await response.ResponseStream.ReadAsync(buffer[count..length], cancellationToken).ConfigureAwait(false);
            if (read == 0)
            {
                throw new ObjectStoreException(name, $"{Location} ended its answer after {count} of {length} bytes.", null) { IsTransient = true };
            }

            count += read;
        }

        return length;
    }

    private bool IsOfTheStore(string key) =>
        key.Length > _keyPrefix.Length && key[_keyPrefix.Length] is not ('.' or '/') && key[^1] != '/'
        && key.IndexOf("/.", _keyPrefix.Length, StringComparison.Ordinal) < 0;

    private async ValueTask<(List<S3Object>? Objects, bool IsTruncated)> ListPageAsync(string prefix, string? after, CancellationToken cancellationToken)
    {
        if (_profile.UsesFirstList)
        {
            ListObjectsRequest first = new() { BucketName = _options.Bucket, Prefix = prefix, Marker = after, MaxKeys = ListPage };
            ListObjectsResponse firstPage = await RunAsync(
                null, "listed", 0, token => new ValueTask<ListObjectsResponse>(_client.ListObjectsAsync(first, token)), cancellationToken).ConfigureAwait(false);
            return (firstPage.S3Objects, firstPage.IsTruncated == true);
        }

        ListObjectsV2Request request = new() { BucketName = _options.Bucket, Prefix = prefix, StartAfter = after, MaxKeys = ListPage };
        ListObjectsV2Response page = await RunAsync(
            null, "listed", 0, token => new ValueTask<ListObjectsV2Response>(_client.ListObjectsV2Async(request, token)), cancellationToken).ConfigureAwait(false);
        return (page.S3Objects, page.IsTruncated == true);
    }

    private async ValueTask DeleteOneAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            await RunAsync(
                name, "deleted", 0,
                token => new ValueTask<DeleteObjectResponse>(_client.DeleteObjectAsync(new DeleteObjectRequest { BucketName = _options.Bucket, Key = _keyPrefix + name }, token)),
                cancellationToken).ConfigureAwait(false);
        }
        catch (ObjectNotFoundException)
        {
            // Some services tell that there was nothing to delete.
        }
    }

    private async ValueTask DeleteBatchAsync(ArraySegment<string> names, CancellationToken cancellationToken)
    {
        DeleteObjectsRequest request = new() { BucketName = _options.Bucket, Quiet = true, Objects = [] };
        foreach (string name in names)
        {
            request.Objects.Add(new KeyVersion { Key = _keyPrefix + name });
        }

        await RunAsync(
            null, "emptied of objects", 0,
            async token =>
            {
                try
                {
                    return await _client.DeleteObjectsAsync(request, token).ConfigureAwait(false);
                }
                catch (DeleteObjectsException exception)
                {
                    ThrowIfAnyFailed(exception);
                    return exception.Response;
                }
            },
            cancellationToken).ConfigureAwait(false);
    }

    private void ThrowIfAnyFailed(DeleteObjectsException exception)
    {
        DeleteError? worst = null;
        int count = 0;
        foreach (DeleteError error in exception.Response.DeleteErrors ?? [])
        {
            if (error.Code is "NoSuchKey")
            {
                continue;
            }

            count++;
            worst = worst is null || S3Faults.IsPassing(worst.Code) ? error : worst;
        }

        if (worst is not null)
        {
            throw new ObjectStoreException(worst.Key[_keyPrefix.Length..], $"it could not be deleted in {Location}, which told {worst.Code} ({count} such objects in the request).", exception)
            {
                IsTransient = S3Faults.IsPassing(worst.Code),
            };
        }
    }

    private async ValueTask<bool> PutAsync(string name, ReadOnlyMemory<byte> content, byte[] sha256, string? storageClass, CancellationToken cancellationToken)
    {
        try
        {
            await RunAsync(
                name, "created", content.Length,
                async token =>
                {
                    using MemoryStream body = AsStream(content);
                    PutObjectRequest request = new()
                    {
                        BucketName = _options.Bucket,
                        Key = _keyPrefix + name,
                        InputStream = body,
                        AutoCloseStream = false,
                        ContentType = "application/octet-stream",
                        UseChunkEncoding = false,
                    };
                    Configure(request, sha256, storageClass);
                    _client.SetHash(request, sha256);
                    return await _client.PutObjectAsync(request, token).ConfigureAwait(false);
                },
                cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (ObjectStoreException exception) when (exception.InnerException is AmazonS3Exception inner && S3Faults.IsNameTaken(inner))
        {
            return false;
        }
    }

    private void Configure(PutObjectRequest request, byte[] sha256, string? storageClass)
    {
        if (_profile.SendsChecksum)
        {
            request.ChecksumSHA256 = Convert.ToBase64String(sha256);
        }

        if (storageClass is not null)
        {
            request.StorageClass = S3StorageClass.FindValue(storageClass);
        }

        switch (_profile.CreateCondition)
        {
            case S3CreateCondition.IfNoneMatch:
                request.IfNoneMatch = "*";
                break;
            case S3CreateCondition.OssForbidOverwrite:
                request.Headers["x-oss-forbid-overwrite"] = "true";
                break;
            case S3CreateCondition.CosForbidOverwrite:
                request.Headers["x-cos-forbid-overwrite"] = "true";
                break;
        }
    }

    /// <summary>Makes one call, within the time that it may take, and tells of faults in the language of stores.</summary>
    private async ValueTask<T> RunAsync<T>(string? name, string action, long bodyLength, Func<CancellationToken, ValueTask<T>> call, CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_options.RequestTimeout + TimeSpan.FromSeconds(bodyLength / BodyBytesPerSecond));
        try
        {
            return await call(limit.Token).ConfigureAwait(false);
        }
        catch (AmazonS3Exception exception) when (name is not null && S3Faults.IsMissing(exception))
        {
            throw new ObjectNotFoundException(name, exception);
        }
        catch (Exception exception) when (exception is not ObjectStoreException && !(exception is OperationCanceledException && cancellationToken.IsCancellationRequested))
        {
            cancellationToken.ThrowIfCancellationRequested();
            bool areRenewed = _credentials is not null && S3Faults.IsAboutCredentials(exception) && await _credentials.RenewAsync().ConfigureAwait(false);
            throw S3Faults.Translate(exception, name, action, Location, areRenewed);
        }
    }
}
