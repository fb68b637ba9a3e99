using System;
using Azure.Core.Pipeline;
using Azure.Storage.Blobs;

namespace CloudImage.Sdk.Azure.Disks;

/// <summary>How clients for page blobs behave that <see cref="PageBlobClients"/> makes. Immutable.</summary>
public sealed class PageBlobClientOptions
{
    /// <summary>The defaults.</summary>
    public static PageBlobClientOptions Default { get; } = new();

    /// <summary>How often a call is repeated at most; reads and writes of pages may be repeated without harm.</summary>
    /// <value>The default value is 6.</value>
    public int MaxRetries { get; init; } = 6;

    /// <summary>The delay before the first repetition; it doubles from one to the next, with jitter. A delay that the service asks for goes first.</summary>
    /// <value>The default value is 0.5 s.</value>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(0.5);

    /// <summary>The longest delay.</summary>
    /// <value>The default value is 20 s.</value>
    public TimeSpan MaxRetryDelay { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long a transfer may stand still, or an answer may take.</summary>
    /// <value>The default value is 60 s.</value>
    public TimeSpan NetworkTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>What carries the requests; null for the vendor's own, which all clients share.</summary>
    /// <value>The default value is <see langword="null"/>.</value>
    public HttpPipelineTransport? Transport { get; init; }

    internal BlobClientOptions ToBlobClientOptions()
    {
        ArgumentOutOfRangeException.ThrowIfNegative(MaxRetries);
        ArgumentOutOfRangeException.ThrowIfLessThan(RetryDelay, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxRetryDelay, RetryDelay);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(NetworkTimeout, TimeSpan.Zero);
        BlobClientOptions options = new() { RetryPolicy = new PageBlobRetryPolicy(MaxRetries, RetryDelay, MaxRetryDelay) };
        options.Retry.NetworkTimeout = NetworkTimeout;
        if (Transport is not null)
        {
            options.Transport = Transport;
        }

        return options;
    }
}
