using System;
using System.Globalization;
using System.IO;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;
using Amazon.S3;
using Amazon.S3.Model;
using CloudImage.Sdk.Aws.S3;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Aws;

/// <summary>Long objects, which go out in parts side by side and appear whole when the last request completes them.</summary>
public sealed partial class S3ObjectStore
{
    private const int PartLength = 16 << 20;
    private const int MaximumParts = 10_000;
    private const int PartsAtOnce = 4;

    private async ValueTask<bool> CreateInPartsAsync(string name, ReadOnlyMemory<byte> content, ObjectCreateOptions options, CancellationToken cancellationToken)
    {
        string uploadId = await BeginAsync(name, options, cancellationToken).ConfigureAwait(false);
        bool isCompleted = false;
        try
        {
            int partLength = Math.Max(Math.Max(PartLength, _profile.MinimumPartLength), (content.Length / MaximumParts) + 1);
            PartETag[] parts = new PartETag[(content.Length + partLength - 1) / partLength];
            ParallelOptions parallel = new() { MaxDegreeOfParallelism = Math.Min(PartsAtOnce, _options.MaximumConcurrency), CancellationToken = cancellationToken };
            await Parallel.ForAsync(0, parts.Length, parallel, async (index, token) =>
            {
                ReadOnlyMemory<byte> part = content.Slice(index * partLength, Math.Min(partLength, content.Length - (index * partLength)));
                parts[index] = await UploadPartAsync(name, uploadId, index + 1, part, token).ConfigureAwait(false);
            }).ConfigureAwait(false);
            isCompleted = await CompleteAsync(name, uploadId, parts, cancellationToken).ConfigureAwait(false);
            return isCompleted;
        }
        finally
        {
            if (!isCompleted)
            {
                await AbortAsync(name, uploadId).ConfigureAwait(false);
            }
        }
    }

    private async ValueTask<string> BeginAsync(string name, ObjectCreateOptions options, CancellationToken cancellationToken)
    {
        InitiateMultipartUploadRequest request = new() { BucketName = _options.Bucket, Key = _keyPrefix + name, ContentType = "application/octet-stream" };
        if (_profile.SendsChecksum)
        {
            request.ChecksumAlgorithm = ChecksumAlgorithm.SHA256;
        }

        if (options.Temperature == ObjectTemperature.Cold && _options.ColdStorageClass is { } storageClass)
        {
            request.StorageClass = S3StorageClass.FindValue(storageClass);
        }

        InitiateMultipartUploadResponse response = await RunAsync(
            name, "begun", 0, token => new ValueTask<InitiateMultipartUploadResponse>(_client.InitiateMultipartUploadAsync(request, token)), cancellationToken).ConfigureAwait(false);
        return response.UploadId;
    }

    private async ValueTask<PartETag> UploadPartAsync(string name, string uploadId, int number, ReadOnlyMemory<byte> part, CancellationToken cancellationToken)
    {
        byte[] sha256 = SHA256.HashData(part.Span);
        string? checksum = _profile.SendsChecksum ? Convert.ToBase64String(sha256) : null;
        UploadPartResponse response = await RunAsync(
            name, "uploaded in part " + number.ToString(CultureInfo.InvariantCulture), part.Length,
            async token =>
            {
                using MemoryStream body = AsStream(part);
                UploadPartRequest request = new()
                {
                    BucketName = _options.Bucket,
                    Key = _keyPrefix + name,
                    UploadId = uploadId,
                    PartNumber = number,
                    PartSize = part.Length,
                    InputStream = body,
                    UseChunkEncoding = false,
                    ChecksumSHA256 = checksum,
                };
                _client.SetHash(request, sha256);
                return await _client.UploadPartAsync(request, token).ConfigureAwait(false);
            },
            cancellationToken).ConfigureAwait(false);
        return new PartETag(number, response.ETag) { ChecksumSHA256 = checksum };
    }

    private async ValueTask<bool> CompleteAsync(string name, string uploadId, PartETag[] parts, CancellationToken cancellationToken)
    {
        CompleteMultipartUploadRequest request = new() { BucketName = _options.Bucket, Key = _keyPrefix + name, UploadId = uploadId, PartETags = [.. parts], IfNoneMatch = "*" };
        try
        {
            await RunAsync(
                name, "completed", 0, token => new ValueTask<CompleteMultipartUploadResponse>(_client.CompleteMultipartUploadAsync(request, token)), cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (ObjectStoreException exception) when (exception.InnerException is AmazonS3Exception inner && S3Faults.IsNameTaken(inner))
        {
            return false;
        }
    }

    /// <summary>Frees what the parts take. Where that fails, the bucket's own rule for uploads that were not completed does it.</summary>
    private async ValueTask AbortAsync(string name, string uploadId)
    {
        AbortMultipartUploadRequest request = new() { BucketName = _options.Bucket, Key = _keyPrefix + name, UploadId = uploadId };
        try
        {
            await RunAsync(
                name, "given up", 0, token => new ValueTask<AbortMultipartUploadResponse>(_client.AbortMultipartUploadAsync(request, token)), CancellationToken.None).ConfigureAwait(false);
        }
        catch (ObjectStoreException)
        {
            // The fault that led here is the one to tell; parts are invisible, and cost until the bucket's rule removes them.
        }
    }
}
