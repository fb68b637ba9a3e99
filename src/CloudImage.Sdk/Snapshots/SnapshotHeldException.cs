using System;

namespace CloudImage.Sdk.Snapshots;

/// <summary>A snapshot was to be given up and is under a legal hold.</summary>
public sealed class SnapshotHeldException : SnapshotRepositoryException
{
    /// <summary>Makes an exception without a message of its own.</summary>
    public SnapshotHeldException()
        : base("The snapshot is under a legal hold.")
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">Which snapshot, and what holds it.</param>
    public SnapshotHeldException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">Which snapshot, and what holds it.</param>
    /// <param name="innerException">What caused it.</param>
    public SnapshotHeldException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
