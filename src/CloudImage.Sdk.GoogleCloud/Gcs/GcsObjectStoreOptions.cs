using System;

namespace CloudImage.Sdk.GoogleCloud.Gcs;

/// <summary>How a store in Cloud Storage is used. Immutable.</summary>
public sealed class GcsObjectStoreOptions
{
    /// <summary>The bucket.</summary>
    public required string Bucket { get; init; }

    /// <summary>What the names of all objects of the store begin with, without a '/' at either end.</summary>
    /// <value>The default value is empty: the whole bucket.</value>
    public string Prefix { get; init; } = string.Empty;

    /// <summary>Whether a bucket that does not exist is created, in <see cref="Project"/>.</summary>
    /// <value>The default value is <see langword="false"/>.</value>
    public bool CreateBucket { get; init; }

    /// <summary>The project that a new bucket belongs to.</summary>
    /// <value>The default value is <see langword="null"/>: no bucket can be created.</value>
    public string? Project { get; init; }

    /// <summary>Where a new bucket lies, such as <c>EU</c> or <c>europe-west3</c>.</summary>
    /// <value>The default value is <see langword="null"/>: the service's default.</value>
    public string? Location { get; init; }

    /// <summary>The storage class of objects that every operation reads, such as <c>STANDARD</c>.</summary>
    /// <value>The default value is <see langword="null"/>: the bucket's default.</value>
    public string? WarmStorageClass { get; init; }

    /// <summary>The storage class of data that is written once and seldom read, such as <c>NEARLINE</c>, which is paid for 30 days at least.</summary>
    /// <value>The default value is <see langword="null"/>: the bucket's default.</value>
    public string? ColdStorageClass { get; init; }

    /// <summary>The longest object in bytes that is sent in one request; longer ones go in a resumable upload.</summary>
    /// <value>The default value is 72 MiB, so that packs of a repository are one request.</value>
    public int SingleRequestLength { get; init; } = 72 << 20;

    /// <summary>Length in bytes of the pieces of a resumable upload: a multiple of 256 KiB.</summary>
    /// <value>The default value is 32 MiB.</value>
    public int PieceLength { get; init; } = 32 << 20;

    /// <summary>How many names one request for a listing asks for.</summary>
    /// <value>The default value is 1000, which is the most that the service answers.</value>
    public int ListPageLength { get; init; } = 1000;

    /// <summary>How many deletions are under way at once, and the number that callers are told to keep to.</summary>
    /// <value>The default value is 16.</value>
    public int Concurrency { get; init; } = 16;

    /// <summary>How long one request may take, with its body.</summary>
    /// <value>The default value is five minutes.</value>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromMinutes(5);

    internal void Validate()
    {
        if (Bucket.Length is < 3 or > 222 || Bucket.Contains('/', StringComparison.Ordinal))
        {
            throw new ArgumentException($"'{Bucket}' cannot name a bucket: 3 to 222 characters without '/' were expected.");
        }

        ArgumentNullException.ThrowIfNull(Prefix);
        if (CreateBucket && string.IsNullOrEmpty(Project))
        {
            throw new ArgumentException("A bucket is created in a project: name it (project=ID in an address).");
        }

        ArgumentOutOfRangeException.ThrowIfNegative(SingleRequestLength);
        ArgumentOutOfRangeException.ThrowIfLessThan(PieceLength, GcsResumableUpload.PieceUnit);
        if (PieceLength % GcsResumableUpload.PieceUnit != 0)
        {
            throw new ArgumentException($"The pieces of a resumable upload are multiples of {GcsResumableUpload.PieceUnit} bytes, which {PieceLength} is not.");
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(ListPageLength, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ListPageLength, 1000);
        ArgumentOutOfRangeException.ThrowIfLessThan(Concurrency, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(RequestTimeout, TimeSpan.Zero);
    }
}
