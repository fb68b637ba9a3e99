using System;

namespace CloudImage.Sdk.Formats;

/// <summary>One reason for refusing an image as untrusted.</summary>
public sealed class DiskConcern
{
    /// <summary>Makes a concern.</summary>
    /// <param name="code">A short stable name, such as "backing-file".</param>
    /// <param name="message">What was found, for a person.</param>
    public DiskConcern(string code, string message)
    {
        ArgumentNullException.ThrowIfNull(code);
        ArgumentNullException.ThrowIfNull(message);
        Code = code;
        Message = message;
    }

    /// <summary>A short stable name: "backing-file", "data-file", "several-formats", "unreadable", "encrypted", "size-mismatch" and others.</summary>
    public string Code { get; }

    /// <summary>What was found, for a person.</summary>
    public string Message { get; }

    /// <inheritdoc/>
    public override string ToString() => $"{Code}: {Message}";
}
