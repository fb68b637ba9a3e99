using System;

namespace CloudImage.Sdk.Snapshots;

/// <summary>A snapshot repository cannot do what was asked: an object is damaged or missing, a snapshot unknown, a race lost.</summary>
public class SnapshotRepositoryException : CloudImageException
{
    /// <summary>Makes an exception with a general message.</summary>
    public SnapshotRepositoryException()
        : base("The operation on the snapshot repository failed.")
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">What was read or done, where, and what was expected.</param>
    public SnapshotRepositoryException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception that another one caused.</summary>
    /// <param name="message">What was read or done, where, and what was expected.</param>
    /// <param name="innerException">The cause.</param>
    public SnapshotRepositoryException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
