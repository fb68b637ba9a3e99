using System;

namespace CloudImage.Sdk.Disks;

/// <summary>One write that a chunk needs: plain bytes, zeros, or an encoded block.</summary>
internal readonly struct CopyPiece
{
    private CopyPiece(long offset, Range range, bool isZero, EncodedBlock? encoded)
    {
        Offset = offset;
        Range = range;
        IsZero = isZero;
        Encoded = encoded;
    }

    /// <summary>Position on the disk.</summary>
    public long Offset { get; }

    /// <summary>Which part of the chunk's window.</summary>
    public Range Range { get; }

    /// <summary>Whether the range is to read as zeros.</summary>
    public bool IsZero { get; }

    /// <summary>The encoded block; null for the other kinds.</summary>
    public EncodedBlock? Encoded { get; }

    /// <summary>Length in bytes.</summary>
    public int Length => Range.End.Value - Range.Start.Value;

    public static CopyPiece Plain(CopyChunk chunk, int start, int end) => new(chunk.Offset + start, start..end, false, null);

    public static CopyPiece Zero(CopyChunk chunk, int start, int end) => new(chunk.Offset + start, start..end, true, null);

    public static CopyPiece Block(EncodedBlock block) => new(block.Offset, ..0, false, block);
}
