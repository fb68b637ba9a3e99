using System;

namespace CloudImage.Sdk.Disks;

/// <summary>How a container is read over HTTP. Immutable.</summary>
public sealed class HttpDiskOptions
{
    /// <summary>The defaults.</summary>
    public static HttpDiskOptions Default { get; } = new();

    /// <summary>Length in bytes of what one request fetches, and of what is cached as one.</summary>
    /// <value>The default value is 1 MiB. At least 4096.</value>
    public int BlockSize { get; init; } = 1 << 20;

    /// <summary>How many blocks ahead of a reader that goes forward are fetched, at most; 0 fetches none.</summary>
    /// <value>The default value is 8.</value>
    public int MaxReadAhead { get; init; } = 8;

    /// <summary>How many bytes of blocks are kept in memory. At least the blocks that are being fetched are kept.</summary>
    /// <value>The default value is 64 MiB.</value>
    public long CacheLength { get; init; } = 64L << 20;

    /// <summary>How many requests are under way at once.</summary>
    /// <value>The default value is 8.</value>
    public int MaxRequests { get; init; } = 8;

    /// <summary>How often a request that failed in passing is made again.</summary>
    /// <value>The default value is 5.</value>
    public int MaxRetries { get; init; } = 5;

    /// <summary>How long the first wait before a retry may be; each further one may be twice as long, up to 30 s, and a random part of it is waited.</summary>
    /// <value>The default value is 200 ms.</value>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>How long one request may take, with its body.</summary>
    /// <value>The default value is 60 s.</value>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>The clock of waits and timeouts.</summary>
    /// <value>The default value is <see cref="TimeProvider.System"/>.</value>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
