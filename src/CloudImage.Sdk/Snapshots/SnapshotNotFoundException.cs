using System;

namespace CloudImage.Sdk.Snapshots;

/// <summary>There is no committed snapshot of that id: it never was one, or it was given up.</summary>
public sealed class SnapshotNotFoundException : SnapshotRepositoryException
{
    /// <summary>Makes an exception with a general message.</summary>
    public SnapshotNotFoundException()
        : base("There is no such snapshot.")
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">Which snapshot, and what is known of it.</param>
    public SnapshotNotFoundException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception that another one caused.</summary>
    /// <param name="message">Which snapshot, and what is known of it.</param>
    /// <param name="innerException">The cause.</param>
    public SnapshotNotFoundException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
