using System;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>Bytes arrived otherwise than they were sent: a SHA-256 digest does not hold.</summary>
public sealed class EbsChecksumException : EbsException
{
    /// <summary>Makes an exception with a general message.</summary>
    public EbsChecksumException()
        : this("A block's digest does not hold.")
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">What was asked, what came, and what to do.</param>
    public EbsChecksumException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception that another one caused.</summary>
    /// <param name="message">What was asked, what came, and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public EbsChecksumException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
