using System;

namespace CloudImage.Sdk.Snapshots;

/// <summary>A stored object is missing or does not hold what the format says: no byte of it was returned.</summary>
public sealed class RepositoryCorruptException : SnapshotRepositoryException
{
    /// <summary>Makes an exception with a general message.</summary>
    public RepositoryCorruptException()
        : base("A stored object is damaged.")
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">What was read, where, and what was expected.</param>
    public RepositoryCorruptException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception that another one caused.</summary>
    /// <param name="message">What was read, where, and what was expected.</param>
    /// <param name="innerException">The cause.</param>
    public RepositoryCorruptException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Makes an exception that names the object and the place.</summary>
    /// <param name="objectName">Name of the damaged object.</param>
    /// <param name="offset">Position in the object, in bytes.</param>
    /// <param name="message">What was read, and what was expected.</param>
    public RepositoryCorruptException(string objectName, long offset, string message)
        : base($"Object '{objectName}', at byte {offset}: {message}")
    {
        ObjectName = objectName;
        Offset = offset;
    }

    /// <summary>Name of the damaged object; null where it is not known.</summary>
    public string? ObjectName { get; }

    /// <summary>Position in the object, in bytes; null where there is none.</summary>
    public long? Offset { get; }
}
