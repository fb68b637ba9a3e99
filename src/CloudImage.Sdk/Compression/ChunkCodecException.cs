using System;

namespace CloudImage.Sdk.Compression;

/// <summary>A compressed chunk cannot be decoded to the length that it should have.</summary>
public sealed class ChunkCodecException : CloudImageException
{
    /// <summary>Makes an exception with a general message.</summary>
    public ChunkCodecException()
        : this("The compressed chunk cannot be decoded.")
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="message">What was read, and what was expected.</param>
    public ChunkCodecException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception that another one caused.</summary>
    /// <param name="message">What was read, and what was expected.</param>
    /// <param name="innerException">The cause.</param>
    public ChunkCodecException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
