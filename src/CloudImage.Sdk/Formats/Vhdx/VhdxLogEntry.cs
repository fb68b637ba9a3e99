using System;

namespace CloudImage.Sdk.Formats.Vhdx;

/// <summary>A log entry whose structure and checksum are right.</summary>
internal sealed class VhdxLogEntry
{
    /// <summary>Position in the log.</summary>
    public required int Position { get; init; }

    public required int Length { get; init; }

    public required ulong SequenceNumber { get; init; }

    /// <summary>Position in the log of the oldest entry that is to be replayed when this one is the last.</summary>
    public required uint Tail { get; init; }

    /// <summary>Length that the file had, durably, when the entry was written.</summary>
    public required ulong FlushedFileLength { get; init; }

    /// <summary>Length that the file must have at least.</summary>
    public required ulong LastFileLength { get; init; }

    /// <summary>The changes, in order.</summary>
    public required VhdxLogChange[] Changes { get; init; }
}
