using System;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>The journal of an upload cannot be used: it is damaged, belongs to another upload, or is in use.</summary>
public sealed class EbsJournalException : EbsException
{
    /// <summary>Makes an exception with a general message.</summary>
    public EbsJournalException()
        : this("The journal of the upload cannot be used.")
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">What was asked, what came, and what to do.</param>
    public EbsJournalException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception that another one caused.</summary>
    /// <param name="message">What was asked, what came, and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public EbsJournalException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
