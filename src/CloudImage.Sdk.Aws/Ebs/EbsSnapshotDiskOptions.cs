using System;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>How a snapshot is read. Immutable.</summary>
public sealed class EbsSnapshotDiskOptions
{
    /// <summary>The defaults.</summary>
    public static EbsSnapshotDiskOptions Default { get; } = new();

    /// <summary>Length of the disk in bytes, where it is known to be less than that of the volume, which is whole GiB.</summary>
    /// <value>The default value is <see langword="null"/>: the whole volume.</value>
    public long? Length { get; init; }

    /// <summary>How many bytes of blocks are kept for reads of parts of them; at least what is being read ahead is kept.</summary>
    /// <value>The default value is 32 MiB.</value>
    public long CacheLength { get; init; } = 32L << 20;

    /// <summary>How many blocks ahead of a reader of small parts that goes forward are fetched, at most; 0 fetches none.</summary>
    /// <value>The default value is 4. Reads of whole blocks need none.</value>
    public int MaxReadAhead { get; init; } = 4;

    /// <summary>How many pages of tokens are kept, of up to 10,000 blocks and about 1 MB each.</summary>
    /// <value>The default value is 16.</value>
    public int MaxCachedPages { get; init; } = 16;

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegative(Length ?? 0, nameof(Length));
        ArgumentOutOfRangeException.ThrowIfNegative(CacheLength);
        ArgumentOutOfRangeException.ThrowIfNegative(MaxReadAhead);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxReadAhead, 256);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxCachedPages, 1);
    }
}
