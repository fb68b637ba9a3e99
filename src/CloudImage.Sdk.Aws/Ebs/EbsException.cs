using System;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>EBS direct did not do what it was asked to do.</summary>
/// <remarks><see cref="CloudImageException.IsTransient"/> tells whether the same call may succeed later. No message holds a credential or a token.</remarks>
public class EbsException : CloudImageException
{
    /// <summary>Makes an exception with a general message.</summary>
    public EbsException()
        : this("EBS direct failed.")
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">What was asked, what came, and what to do.</param>
    public EbsException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception that another one caused.</summary>
    /// <param name="message">What was asked, what came, and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public EbsException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>The service's name for the fault, such as <c>ValidationException</c>; null where it did not come from the service.</summary>
    public string? Code { get; init; }

    /// <summary>The service's finer reason, such as <c>INVALID_BLOCK_TOKEN</c>; null where it gave none.</summary>
    public string? Reason { get; init; }

    /// <summary>Status of the HTTP answer; 0 where there was none.</summary>
    public int StatusCode { get; init; }

    /// <summary>What the service calls the request by, for its support; null where it did not say.</summary>
    public string? RequestId { get; init; }

    /// <summary>How long the service asks to wait before the next attempt; null where it did not say.</summary>
    public TimeSpan? RetryAfter { get; init; }
}
