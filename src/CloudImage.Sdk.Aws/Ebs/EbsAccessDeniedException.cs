using System;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>The credentials are good and do not allow the call.</summary>
public sealed class EbsAccessDeniedException : EbsException
{
    /// <summary>Makes an exception with a general message.</summary>
    public EbsAccessDeniedException()
        : this("EBS direct denies the access.")
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">What was asked, what came, and what to do.</param>
    public EbsAccessDeniedException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception that another one caused.</summary>
    /// <param name="message">What was asked, what came, and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public EbsAccessDeniedException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
