using System;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>Changed blocks were asked of two snapshots that do not come from one volume.</summary>
public sealed class EbsUnrelatedSnapshotsException : EbsException
{
    /// <summary>Makes an exception with a general message.</summary>
    public EbsUnrelatedSnapshotsException()
        : this("The snapshots are not related.")
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">What was asked, what came, and what to do.</param>
    public EbsUnrelatedSnapshotsException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception that another one caused.</summary>
    /// <param name="message">What was asked, what came, and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public EbsUnrelatedSnapshotsException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
