using System;
using System.IO;

namespace CloudImage.Sdk;

/// <summary>The root of every fault that data, stores or networks cause in this library.</summary>
/// <remarks>
/// Misuse of the library (a null argument, a negative offset, a disposed object) is reported with the exceptions of
/// the base class library instead. Derived from <see cref="IOException"/>, so that general handlers see it.
/// </remarks>
public class CloudImageException : IOException
{
    /// <summary>Makes an exception with a general message.</summary>
    public CloudImageException()
        : base("The operation on the cloud image failed.")
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">What was read or done, where, and what was expected.</param>
    public CloudImageException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception that another one caused.</summary>
    /// <param name="message">What was read or done, where, and what was expected.</param>
    /// <param name="innerException">The cause.</param>
    public CloudImageException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Whether the same call may succeed when it is tried again without any change.</summary>
    /// <value>The default value is <see langword="false"/>.</value>
    public bool IsTransient { get; init; }
}
