using System;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>There is no such snapshot in the region, or the credentials may not see it.</summary>
public sealed class EbsSnapshotNotFoundException : EbsException
{
    /// <summary>Makes an exception with a general message.</summary>
    public EbsSnapshotNotFoundException()
        : this("There is no such snapshot.")
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">What was asked, what came, and what to do.</param>
    public EbsSnapshotNotFoundException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception that another one caused.</summary>
    /// <param name="message">What was asked, what came, and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public EbsSnapshotNotFoundException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
