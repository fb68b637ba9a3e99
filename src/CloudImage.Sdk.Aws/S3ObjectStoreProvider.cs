using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Aws;

/// <summary>Opens the stores of addresses such as <c>s3://bucket/prefix?endpoint=https://storage.example.com&amp;profile=ceph</c>.</summary>
/// <remarks>Credentials come from the environment, the shared files or the machine's role. Every member may be called from several threads at once.</remarks>
public sealed class S3ObjectStoreProvider : ObjectStoreProvider
{
    private readonly ObjectRetryOptions _retry;

    /// <summary>Makes a provider.</summary>
    public S3ObjectStoreProvider()
        : this(ObjectRetryOptions.Default)
    {
    }

    /// <summary>Makes a provider that repeats failed calls as it is told.</summary>
    /// <param name="retry">How often, and after what time.</param>
    public S3ObjectStoreProvider(ObjectRetryOptions retry)
    {
        ArgumentNullException.ThrowIfNull(retry);
        _retry = retry;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Schemes { get; } = ["s3"];

    /// <inheritdoc/>
    public override string Usage =>
        "s3://BUCKET[/PREFIX][?region=NAME&endpoint=URL&profile=aws|ceph|minio|alibaba-oss|tencent-cos|huawei-obs|swift|generic&create-bucket=true&storage-class=NAME&concurrency=N]";

    /// <inheritdoc/>
    public override async ValueTask<ObjectStore> OpenAsync(ObjectStoreAddress address, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        S3ObjectStoreOptions options = Parse(address);
        return await RetryingObjectStore.OpenAsync(async token => await S3ObjectStore.OpenAsync(options, token).ConfigureAwait(false), _retry, cancellationToken).ConfigureAwait(false);
    }

    private static S3ObjectStoreOptions Parse(ObjectStoreAddress address)
    {
        S3ObjectStoreOptions options = new()
        {
            Bucket = address.Container,
            Prefix = address.Prefix,
            Region = address.Take("region"),
            Endpoint = address.TakeUri("endpoint"),
            Profile = address.Take("profile") is { } profile ? S3ServiceProfile.Find(profile) : null,
            CreateBucket = address.TakeFlag("create-bucket"),
            ColdStorageClass = address.Take("storage-class"),
            MaximumConcurrency = address.TakeNumber("concurrency", 1, 256) ?? 16,
        };
        address.ThrowIfAnyLeft();
        try
        {
            options.Validate();
        }
        catch (ArgumentException exception)
        {
            throw new FormatException(exception.Message, exception);
        }

        return options;
    }
}
