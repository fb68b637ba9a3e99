using System;

namespace CloudImage.Sdk.Disks;

/// <summary>A container is valid, and uses something that is not supported here or was not allowed.</summary>
public sealed class UnsupportedDiskFeatureException : DiskFormatException
{
    /// <summary>Makes an exception with a general message.</summary>
    public UnsupportedDiskFeatureException()
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">What is not supported, and what to do.</param>
    public UnsupportedDiskFeatureException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception that another one caused.</summary>
    /// <param name="message">What is not supported, and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public UnsupportedDiskFeatureException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Makes an exception that names format, place and feature.</summary>
    /// <param name="format">Name of the format.</param>
    /// <param name="fileOffset">Position in the container, in bytes, of what asks for the feature.</param>
    /// <param name="feature">Name of the feature.</param>
    /// <param name="message">What is not supported, and what to do.</param>
    public UnsupportedDiskFeatureException(string format, long fileOffset, string feature, string message)
        : base(format, fileOffset, message) => Feature = feature;

    /// <summary>Name of the feature; null where it is not known.</summary>
    public string? Feature { get; }
}
