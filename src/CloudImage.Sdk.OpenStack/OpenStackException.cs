using System;
using System.Net;

namespace CloudImage.Sdk.OpenStack;

/// <summary>A service of OpenStack refused a request, failed, or answered what it must not.</summary>
/// <remarks>Messages name the service, its address and the status; they hold no token and no secret.</remarks>
public sealed class OpenStackException : CloudImageException
{
    /// <summary>Makes an exception with a general message.</summary>
    public OpenStackException()
        : base("A service of OpenStack failed.")
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">What was asked of which service, and what it answered.</param>
    public OpenStackException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception that another one caused.</summary>
    /// <param name="message">What was asked of which service, and what it answered.</param>
    /// <param name="innerException">The cause.</param>
    public OpenStackException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>The status of the answer; null where none came.</summary>
    public HttpStatusCode? StatusCode { get; init; }

    /// <summary>How long the service asks to wait before the next attempt; null where it did not say.</summary>
    public TimeSpan? RetryAfter { get; init; }
}
