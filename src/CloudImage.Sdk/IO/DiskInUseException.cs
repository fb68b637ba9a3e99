using System;

namespace CloudImage.Sdk.IO;

/// <summary>Another process holds the image open in a way that does not go together with what was asked for.</summary>
/// <remarks>May go away by itself: <see cref="CloudImageException.IsTransient"/> is true for those that this library throws.</remarks>
public sealed class DiskInUseException : CloudImageException
{
    /// <summary>Makes an exception with a general message.</summary>
    public DiskInUseException()
        : base("The image is in use by another process.")
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">Which image, and what to do.</param>
    public DiskInUseException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception that another one caused.</summary>
    /// <param name="message">Which image, and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public DiskInUseException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
