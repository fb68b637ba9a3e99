using System;

namespace CloudImage.Sdk.Azure.Disks;

/// <summary>The service does not know the caller, or does not let it do this: a wrong key, a signed address that has expired or allows less, a missing role.</summary>
public sealed class AzureDiskAccessException : AzureDiskException
{
    /// <summary>Makes an exception with a general message.</summary>
    public AzureDiskAccessException()
        : base("The service refuses the caller.")
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">What was asked, what came of it, and what to do.</param>
    public AzureDiskAccessException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception that another one caused.</summary>
    /// <param name="message">What was asked, what came of it, and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public AzureDiskAccessException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
