using System;

namespace CloudImage.Sdk.Snapshots.Encryption;

/// <summary>The keys of an encrypted repository cannot be had: the wrong key was given, a key was removed, an epoch was destroyed, or a key object is damaged.</summary>
public sealed class RepositoryKeyException : SnapshotRepositoryException
{
    /// <summary>Makes an exception with a general message.</summary>
    public RepositoryKeyException()
        : this("The keys of the repository cannot be had.")
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">What was tried, and what was expected.</param>
    public RepositoryKeyException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception that another one caused.</summary>
    /// <param name="message">What was tried, and what was expected.</param>
    /// <param name="innerException">The cause.</param>
    public RepositoryKeyException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
