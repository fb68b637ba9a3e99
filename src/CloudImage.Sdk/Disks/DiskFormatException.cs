using System;

namespace CloudImage.Sdk.Disks;

/// <summary>A container holds something that its format does not allow.</summary>
public class DiskFormatException : CloudImageException
{
    /// <summary>Makes an exception with a general message.</summary>
    public DiskFormatException()
        : this("The container is not valid.")
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">What was read, where, and what was expected.</param>
    public DiskFormatException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception that another one caused.</summary>
    /// <param name="message">What was read, where, and what was expected.</param>
    /// <param name="innerException">The cause.</param>
    public DiskFormatException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Makes an exception that names format and place.</summary>
    /// <param name="format">Name of the format.</param>
    /// <param name="fileOffset">Position in the container, in bytes, of what is wrong.</param>
    /// <param name="message">What was read, and what was expected.</param>
    public DiskFormatException(string format, long fileOffset, string message)
        : base($"{format}, at byte {fileOffset} (0x{fileOffset:x}): {message}")
    {
        Format = format;
        Offset = fileOffset;
    }

    /// <summary>Makes an exception that names format and place, and that another one caused.</summary>
    /// <param name="format">Name of the format.</param>
    /// <param name="fileOffset">Position in the container, in bytes, of what is wrong.</param>
    /// <param name="message">What was read, and what was expected.</param>
    /// <param name="innerException">The cause.</param>
    public DiskFormatException(string format, long fileOffset, string message, Exception? innerException)
        : base($"{format}, at byte {fileOffset} (0x{fileOffset:x}): {message}", innerException)
    {
        Format = format;
        Offset = fileOffset;
    }

    /// <summary>Name of the format; null where it is not known.</summary>
    public string? Format { get; }

    /// <summary>Position in the container, in bytes; null where there is none.</summary>
    public long? Offset { get; }
}
