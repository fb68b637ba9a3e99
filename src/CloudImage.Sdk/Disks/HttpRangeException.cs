using System;

namespace CloudImage.Sdk.Disks;

/// <summary>An answer of a server that cannot be used.</summary>
internal sealed class HttpRangeException : CloudImageException
{
    public HttpRangeException(string message, bool isTransient)
        : base(message) => IsTransient = isTransient;

    /// <summary>How long the server asks to wait; null where it does not.</summary>
    public TimeSpan? RetryAfter { get; init; }
}
