using System;

namespace CloudImage.Sdk.Azure.Disks;

/// <summary>Azure refused or failed to do something with a page blob or a managed disk. No message holds a key or a signature.</summary>
public class AzureDiskException : CloudImageException
{
    /// <summary>Makes an exception with a general message.</summary>
    public AzureDiskException()
        : base("The operation on a disk in Azure failed.")
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">What was asked, what came of it, and what to do.</param>
    public AzureDiskException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception that another one caused.</summary>
    /// <param name="message">What was asked, what came of it, and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public AzureDiskException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>The HTTP status of the answer; 0 where there was none.</summary>
    public int StatusCode { get; init; }

    /// <summary>The service's name for the fault, such as ServerBusy; null where it gave none.</summary>
    public string? Code { get; init; }
}
