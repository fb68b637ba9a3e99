using System;

namespace CloudImage.Sdk.Azure.Disks;

/// <summary>The blob, its snapshot, its container, or the managed disk does not exist.</summary>
public sealed class AzureDiskNotFoundException : AzureDiskException
{
    /// <summary>Makes an exception with a general message.</summary>
    public AzureDiskNotFoundException()
        : base("It does not exist.")
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">What was asked, what came of it, and what to do.</param>
    public AzureDiskNotFoundException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception that another one caused.</summary>
    /// <param name="message">What was asked, what came of it, and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public AzureDiskNotFoundException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
