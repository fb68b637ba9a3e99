using System;

namespace CloudImage.Sdk.Azure.Disks;

/// <summary>The numbers of page blobs.</summary>
internal static class PageBlobConstants
{
    /// <summary>Blobs are read and written in pages of this size.</summary>
    public const int PageSize = 512;

    /// <summary>The most that one write of pages takes, and the most that a checksum is told for when reading.</summary>
    public const int MaxTransferLength = 4 << 20;

    /// <summary>The longest page blob.</summary>
    public const long MaxBlobLength = 8L << 40;

    /// <summary>The longest managed disk that can be uploaded.</summary>
    public const long MaxManagedDiskLength = 32L << 40;

    /// <summary>Lengths of disks that Azure boots from are multiples of this.</summary>
    public const long DiskAlignment = 1 << 20;

    /// <summary>Zeros within a write that are fewer than this go along with it: a request costs more than they do.</summary>
    public const int MinGapLength = 64 << 10;

    /// <summary>The most ranges in one answer.</summary>
    public const int MaxRangesPerAnswer = 10_000;

    public static long RoundUp(long length, long alignment) => checked(length + alignment - 1) / alignment * alignment;

    /// <summary>An address without what may sign it, for messages.</summary>
    public static string Name(Uri address) => address.GetComponents(UriComponents.Host | UriComponents.Port | UriComponents.Path, UriFormat.Unescaped);
}
