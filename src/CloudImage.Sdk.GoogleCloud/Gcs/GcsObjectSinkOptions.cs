using System;

namespace CloudImage.Sdk.GoogleCloud.Gcs;

/// <summary>How an object is written as a stream. Immutable.</summary>
public sealed class GcsObjectSinkOptions
{
    /// <summary>The bucket, which exists.</summary>
    public required string Bucket { get; init; }

    /// <summary>Name of the object.</summary>
    public required string Name { get; init; }

    /// <summary>Whether an object of this name is replaced when the new one is complete; otherwise it is an error, at the beginning or at the end.</summary>
    /// <value>The default value is <see langword="false"/>.</value>
    public bool MayReplace { get; init; }

    /// <summary>What the content is called.</summary>
    /// <value>The default value is <c>application/octet-stream</c>.</value>
    public string ContentType { get; init; } = "application/octet-stream";

    /// <summary>The storage class.</summary>
    /// <value>The default value is <see langword="null"/>: the bucket's default.</value>
    public string? StorageClass { get; init; }

    /// <summary>Length in bytes of the pieces that are sent, and held in memory until the service keeps them: a multiple of 256 KiB.</summary>
    /// <value>The default value is 16 MiB.</value>
    public int PieceLength { get; init; } = 16 << 20;

    /// <summary>How long one request may take, with its body.</summary>
    /// <value>The default value is five minutes.</value>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromMinutes(5);

    internal void Validate()
    {
        ArgumentException.ThrowIfNullOrEmpty(Bucket);
        ArgumentException.ThrowIfNullOrEmpty(Name);
        ArgumentOutOfRangeException.ThrowIfLessThan(PieceLength, GcsResumableUpload.PieceUnit);
        if (PieceLength % GcsResumableUpload.PieceUnit != 0)
        {
            throw new ArgumentException($"The pieces of a resumable upload are multiples of {GcsResumableUpload.PieceUnit} bytes, which {PieceLength} is not.");
        }

        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(RequestTimeout, TimeSpan.Zero);
    }
}
