using System;
using System.Net.Http;
using Amazon.Runtime;

namespace CloudImage.Sdk.Aws;

/// <summary>Where an <see cref="S3ObjectStore"/> is, and how it works.</summary>
public sealed class S3ObjectStoreOptions
{
    private const int MaximumSingleLength = 1 << 30;

    /// <summary>The bucket.</summary>
    public required string Bucket { get; init; }

    /// <summary>What the keys of all objects begin with, without a '/' at either end.</summary>
    /// <value>The default value is empty: the whole bucket.</value>
    public string Prefix { get; init; } = string.Empty;

    /// <summary>Address of the service.</summary>
    /// <value>The default value is <see langword="null"/>: Amazon's own for the region.</value>
    public Uri? Endpoint { get; init; }

    /// <summary>The region, which is also part of every signature.</summary>
    /// <value>The default value is <see langword="null"/>: from the environment and the shared configuration; <c>us-east-1</c> at an <see cref="Endpoint"/>.</value>
    public string? Region { get; init; }

    /// <summary>What the service understands.</summary>
    /// <value>The default value is <see langword="null"/>: by the name of the endpoint's host, and by a probe where that tells nothing.</value>
    public S3ServiceProfile? Profile { get; init; }

    /// <summary>The credentials; asked before every request, so that they may change.</summary>
    /// <value>The default value is <see langword="null"/>: from the environment, the shared files or the machine's role, and once more from there when the service does not take them any longer.</value>
    public AWSCredentials? Credentials { get; init; }

    /// <summary>Whether the bucket is made if it is not there.</summary>
    /// <value>The default value is <see langword="false"/>.</value>
    public bool CreateBucket { get; init; }

    /// <summary>The storage class of objects that are seldom read: data, never what every operation reads.</summary>
    /// <value>The default value is <see langword="null"/>: the bucket's default. Classes whose objects cannot be read at once are refused.</value>
    public string? ColdStorageClass { get; init; }

    /// <summary>Up to how many bytes an object goes out in one request; longer ones in parts, where the service creates those only if absent, else in one request too.</summary>
    /// <value>The default value is 64 MiB; from 5 MiB to 1 GiB.</value>
    public int SinglePutLength { get; init; } = 64 << 20;

    /// <summary>How many requests may be under way at once.</summary>
    /// <value>The default value is 16.</value>
    public int MaximumConcurrency { get; init; } = 16;

    /// <summary>How long a request may take, its body not counted: for that, a second more is given for each 256 KiB.</summary>
    /// <value>The default value is one minute.</value>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>What the requests go through, owned by the caller.</summary>
    /// <value>The default value is <see langword="null"/>: a handler of the store's own.</value>
    public HttpMessageHandler? Handler { get; init; }

    internal void Validate()
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(Bucket, nameof(Bucket));
        ArgumentNullException.ThrowIfNull(Prefix, nameof(Prefix));
        if (Prefix.StartsWith('/') || Prefix.EndsWith('/') || Prefix.Contains("//", StringComparison.Ordinal))
        {
            throw new ArgumentException($"Prefix '{Prefix}' begins or ends with '/', or has an empty segment.", nameof(Prefix));
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(SinglePutLength, 5 << 20, nameof(SinglePutLength));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(SinglePutLength, MaximumSingleLength, nameof(SinglePutLength));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaximumConcurrency, 1, nameof(MaximumConcurrency));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(RequestTimeout, TimeSpan.Zero, nameof(RequestTimeout));
        if (ColdStorageClass is "GLACIER" or "DEEP_ARCHIVE")
        {
            throw new ArgumentException($"Objects of storage class {ColdStorageClass} cannot be read before they are restored; STANDARD_IA, ONEZONE_IA, INTELLIGENT_TIERING and GLACIER_IR can.", nameof(ColdStorageClass));
        }
    }
}
