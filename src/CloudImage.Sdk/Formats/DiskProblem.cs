using System;

namespace CloudImage.Sdk.Formats;

/// <summary>One problem that a check found.</summary>
public sealed class DiskProblem
{
    /// <summary>Makes a problem.</summary>
    /// <param name="kind">How bad it is.</param>
    /// <param name="fileOffset">Position in the container, in bytes.</param>
    /// <param name="message">What was read, and what was expected.</param>
    public DiskProblem(DiskProblemKind kind, long fileOffset, string message)
    {
        ArgumentNullException.ThrowIfNull(message);
        Kind = kind;
        FileOffset = fileOffset;
        Message = message;
    }

    /// <summary>How bad it is.</summary>
    public DiskProblemKind Kind { get; }

    /// <summary>Position in the container, in bytes.</summary>
    public long FileOffset { get; }

    /// <summary>What was read, and what was expected.</summary>
    public string Message { get; }

    /// <inheritdoc/>
    public override string ToString() => $"{Kind} at byte {FileOffset} (0x{FileOffset:x}): {Message}";
}
