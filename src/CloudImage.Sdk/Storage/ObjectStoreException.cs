using System;

namespace CloudImage.Sdk.Storage;

/// <summary>A store of objects could not do what it was asked to do.</summary>
/// <remarks><see cref="CloudImageException.IsTransient"/> tells whether the same call may succeed later.</remarks>
public class ObjectStoreException : CloudImageException
{
    /// <summary>Makes an exception with a general message.</summary>
    public ObjectStoreException()
        : this("The object store failed.")
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">What was done, to which object, and what was expected.</param>
    public ObjectStoreException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception that another one caused.</summary>
    /// <param name="message">What was done, to which object, and what was expected.</param>
    /// <param name="innerException">The cause.</param>
    public ObjectStoreException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Makes an exception about an object.</summary>
    /// <param name="objectName">Name of the object.</param>
    /// <param name="message">What was done to it, and what was expected.</param>
    /// <param name="innerException">The cause, or null.</param>
    public ObjectStoreException(string objectName, string message, Exception? innerException)
        : base($"Object '{objectName}': {message}", innerException) => ObjectName = objectName;

    /// <summary>Name of the object; null where the fault is about none in particular.</summary>
    public string? ObjectName { get; }

    /// <summary>How long the service asks to wait before the next attempt; null where it did not say.</summary>
    public TimeSpan? RetryAfter { get; init; }
}
