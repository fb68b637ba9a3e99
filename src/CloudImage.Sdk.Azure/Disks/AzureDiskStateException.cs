using System;

namespace CloudImage.Sdk.Azure.Disks;

/// <summary>What the address names is not in a state, or not of a kind, that allows this: it exists already, is unfinished, is no page blob, is attached.</summary>
public sealed class AzureDiskStateException : AzureDiskException
{
    /// <summary>Makes an exception with a general message.</summary>
    public AzureDiskStateException()
        : base("Its state does not allow this.")
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">What was asked, what came of it, and what to do.</param>
    public AzureDiskStateException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception that another one caused.</summary>
    /// <param name="message">What was asked, what came of it, and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public AzureDiskStateException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
