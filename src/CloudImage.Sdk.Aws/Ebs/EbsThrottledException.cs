using System;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>More was asked of EBS direct than the quotas of the account or the snapshot allow, for longer than the retries lasted.</summary>
public sealed class EbsThrottledException : EbsException
{
    /// <summary>Makes an exception with a general message.</summary>
    public EbsThrottledException()
        : this("EBS direct throttles the requests.")
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">What was asked, what came, and what to do.</param>
    public EbsThrottledException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception that another one caused.</summary>
    /// <param name="message">What was asked, what came, and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public EbsThrottledException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
