using System;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>The credentials are missing, wrong or expired, or the clocks are too far apart for a signature to hold.</summary>
public sealed class EbsCredentialsException : EbsException
{
    /// <summary>Makes an exception with a general message.</summary>
    public EbsCredentialsException()
        : this("EBS direct refuses the credentials.")
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">What was asked, what came, and what to do.</param>
    public EbsCredentialsException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception that another one caused.</summary>
    /// <param name="message">What was asked, what came, and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public EbsCredentialsException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
