using System;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.Disks;

/// <summary>How a destination wants its content cut: in windows of chunks, and in blocks that may be left out when zero.</summary>
internal sealed class CopyShape
{
    private const int MinBlockSize = 4096;
    private const int MaxBlockSize = 4 << 20;
    private const int WindowSizeWanted = 1 << 20;
    private readonly bool _detectZeroes;

    public CopyShape(DiskWriter destination, DiskCopyOptions options)
    {
        BlockSize = destination.EncodesBlocks
            ? destination.PreferredBlockSize
            : Math.Clamp(destination.SparseBlockSize, MinBlockSize, MaxBlockSize);
        WindowSize = (WindowSizeWanted + BlockSize - 1) / BlockSize * BlockSize;
        _detectZeroes = options.DetectZeroes;
    }

    /// <summary>Size of the blocks, of which each is written whole or not at all.</summary>
    public int BlockSize { get; }

    /// <summary>Size of the windows: a multiple of the block size, large enough to make calls rare.</summary>
    public int WindowSize { get; }

    /// <summary>Lists the writes for a range of a chunk over zeros: runs of blocks that hold anything.</summary>
    public void AddNonZero(CopyChunk chunk, int start, int end)
    {
        if (!_detectZeroes)
        {
            chunk.Pieces.Add(CopyPiece.Plain(chunk, start, end));
            return;
        }

        ReadOnlySpan<byte> content = chunk.Buffer.Span[..end];
        while (start < end)
        {
            int run = ZeroDetector.GetRunLength(content[start..], BlockSize, out bool isZero);
            if (!isZero)
            {
                chunk.Pieces.Add(CopyPiece.Plain(chunk, start, start + run));
            }

            start += run;
        }
    }

    /// <summary>Lists the writes for a range of a chunk over a parent: runs of blocks that differ from it.</summary>
    public void AddDifferent(CopyChunk chunk, ReadOnlySpan<byte> parent, int start, int end)
    {
        ReadOnlySpan<byte> content = chunk.Buffer.Span[..end];
        int from = start;
        while (from < end)
        {
            int stop = Math.Min(from + BlockSize, end);
            ReadOnlySpan<byte> block = content[from..stop];
            if (!block.SequenceEqual(parent[(from - start)..(stop - start)]))
            {
                Append(chunk, from, stop, _detectZeroes && ZeroDetector.IsZero(block));
            }

            from = stop;
        }
    }

    private static void Append(CopyChunk chunk, int start, int end, bool isZero)
    {
        if (chunk.Pieces.Count > 0 && chunk.Pieces[^1] is var last && last.IsZero == isZero && last.Range.End.Value == start)
        {
            chunk.Pieces.RemoveAt(chunk.Pieces.Count - 1);
            start = last.Range.Start.Value;
        }

        chunk.Pieces.Add(isZero ? CopyPiece.Zero(chunk, start, end) : CopyPiece.Plain(chunk, start, end));
    }
}
