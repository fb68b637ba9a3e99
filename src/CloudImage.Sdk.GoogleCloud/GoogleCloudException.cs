using System;
using System.Net;

namespace CloudImage.Sdk.GoogleCloud;

/// <summary>A service of Google Cloud refused a request, failed, or answered what it must not.</summary>
/// <remarks>Messages name the status and the reason that the service gave; they hold no token and no key.</remarks>
public sealed class GoogleCloudException : CloudImageException
{
    /// <summary>Makes an exception with a general message.</summary>
    public GoogleCloudException()
        : base("A service of Google Cloud failed.")
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">What was asked, and what the service answered.</param>
    public GoogleCloudException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception that another one caused.</summary>
    /// <param name="message">What was asked, and what the service answered.</param>
    /// <param name="innerException">The cause.</param>
    public GoogleCloudException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>The status of the answer; null where none came.</summary>
    public HttpStatusCode? StatusCode { get; init; }

    /// <summary>The service's word for the reason, such as <c>conditionNotMet</c>; null where it gave none.</summary>
    public string? Reason { get; init; }

    /// <summary>How long the service asks to wait before the next attempt; null where it did not say.</summary>
    public TimeSpan? RetryAfter { get; init; }
}
