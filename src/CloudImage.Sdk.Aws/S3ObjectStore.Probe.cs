using System;
using System.Net;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;
using Amazon.S3;
using Amazon.S3.Model;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Aws;

/// <summary>What is found out when a store is opened.</summary>
public sealed partial class S3ObjectStore
{
    private const string ProbeName = ".cloudimage-probe";

    /// <summary>Creates one name twice, unless it is there already: then once is enough.</summary>
    private async ValueTask<S3ProbeResult> ProbeAsync(CancellationToken cancellationToken)
    {
        // A request without a body: a service that refuses one with a body may leave the rest of it on the connection, before the next request (seen on Ceph RGW).
        if (_options.CreateBucket || _profile.CreateCondition == S3CreateCondition.None)
        {
            await SeeBucketAsync(cancellationToken).ConfigureAwait(false);
        }

        if (_profile.CreateCondition == S3CreateCondition.None)
        {
            return new S3ProbeResult(false, $"Services of profile {_profile.Name} cannot be told to create only what is absent.");
        }

        try
        {
            bool isFirst = await TryProbeAsync(cancellationToken).ConfigureAwait(false);
            if (!isFirst || !await TryProbeAsync(cancellationToken).ConfigureAwait(false))
            {
                return new S3ProbeResult(true, "The service refused to create a name that existed.");
            }
        }
        catch (ObjectStoreException exception) when (exception.InnerException is AmazonS3Exception { StatusCode: HttpStatusCode.NotImplemented or HttpStatusCode.BadRequest } && _profile == S3ServiceProfile.Generic)
        {
            return new S3ProbeResult(false, "The service does not understand the condition that a name has to be free.");
        }
        catch (ObjectStoreException exception) when (exception.InnerException is AmazonS3Exception { StatusCode: HttpStatusCode.Forbidden, ErrorCode: "AccessDenied" })
        {
            return new S3ProbeResult(true, $"The credentials do not allow creating objects, so that nothing was tried; profile {_profile.Name} says that the service refuses to create a name twice.");
        }

        const string Ignored = "The service created one name twice, although it was told not to: two writers at once could destroy each other's work.";
        if (_profile != S3ServiceProfile.Generic)
        {
            throw new ObjectStoreException(
                $"{Location} cannot carry a store of profile {_profile.Name}. {Ignored} Turn versioning off for good where the profile depends on it, name the profile that the service really has, or none to open it without that guarantee.");
        }

        return new S3ProbeResult(false, Ignored);
    }

    private async ValueTask<bool> TryProbeAsync(CancellationToken cancellationToken)
    {
        byte[] content = RandomNumberGenerator.GetBytes(16);
        return await PutAsync(ProbeName, content, SHA256.HashData(content), null, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask SeeBucketAsync(CancellationToken cancellationToken)
    {
        try
        {
            await ListPageAsync(_keyPrefix + ProbeName, null, cancellationToken).ConfigureAwait(false);
        }
        catch (ObjectStoreException exception) when (_options.CreateBucket && IsBucketMissing(exception))
        {
            await CreateBucketAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask CreateBucketAsync(CancellationToken cancellationToken)
    {
        PutBucketRequest request = new() { BucketName = _options.Bucket, UseClientRegion = _options.Endpoint is null };
        try
        {
            await RunAsync(null, "given a bucket", 0, token => new ValueTask<PutBucketResponse>(_client.PutBucketAsync(request, token)), cancellationToken).ConfigureAwait(false);
        }
        catch (ObjectStoreException exception) when (exception.InnerException is AmazonS3Exception { ErrorCode: "BucketAlreadyOwnedByYou" })
        {
            // Another process made it at the same moment.
        }
    }

    private static bool IsBucketMissing(ObjectStoreException exception) => exception is ObjectNotFoundException or { InnerException: AmazonS3Exception { ErrorCode: "NoSuchBucket" } };
}
