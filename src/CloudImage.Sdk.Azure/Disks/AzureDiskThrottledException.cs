using System;

namespace CloudImage.Sdk.Azure.Disks;

/// <summary>The service is busy, or a limit of the blob or the account is reached, after all retries.</summary>
public sealed class AzureDiskThrottledException : AzureDiskException
{
    /// <summary>Makes an exception with a general message.</summary>
    public AzureDiskThrottledException()
        : base("The service is busy.")
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">What was asked, what came of it, and what to do.</param>
    public AzureDiskThrottledException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception that another one caused.</summary>
    /// <param name="message">What was asked, what came of it, and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public AzureDiskThrottledException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
