using System;

namespace CloudImage.Sdk.Azure.Disks;

/// <summary>What is being read or written was changed by somebody else meanwhile.</summary>
public sealed class AzureDiskChangedException : AzureDiskException
{
    /// <summary>Makes an exception with a general message.</summary>
    public AzureDiskChangedException()
        : base("It was changed by somebody else meanwhile.")
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">What was asked, what came of it, and what to do.</param>
    public AzureDiskChangedException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception that another one caused.</summary>
    /// <param name="message">What was asked, what came of it, and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public AzureDiskChangedException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
