using System;
using System.Collections.Generic;

namespace CloudImage.Sdk.Disks;

/// <summary>A window of a disk that is copied as one piece, the parts of it that may hold data, and a buffer for all of it.</summary>
internal sealed class CopyChunk
{
    private readonly List<Range> _ranges = [];
    private byte[] _buffer = [];

    /// <summary>Number of the chunk in order of offsets, from 0.</summary>
    public long Index { get; set; }

    /// <summary>Position of the window.</summary>
    public long Offset { get; private set; }

    /// <summary>Length of the window; less than usual only at the end of the disk.</summary>
    public int Length { get; private set; }

    /// <summary>Parts of the window that may hold data, in order, as positions within it.</summary>
    public IReadOnlyList<Range> Ranges => _ranges;

    /// <summary>Content of the window, as far as <see cref="Ranges"/> say.</summary>
    public Memory<byte> Buffer => _buffer.AsMemory(0, Length);

    /// <summary>What is to be written, in order, once the content was looked at.</summary>
    public List<CopyPiece> Pieces { get; } = [];

    /// <summary>Bytes of data in the window.</summary>
    public long DataLength { get; private set; }

    /// <summary>Makes the chunk a new window.</summary>
    public void Begin(long offset, int length)
    {
        Offset = offset;
        Length = length;
        DataLength = 0;
        _ranges.Clear();
        Pieces.Clear();
    }

    /// <summary>Adds a part that may hold data; it lies behind the parts before it.</summary>
    public void Add(long offset, long end)
    {
        int start = (int)(offset - Offset);
        int stop = (int)(end - Offset);
        DataLength += stop - start;
        if (_ranges.Count > 0 && _ranges[^1].End.Value == start)
        {
            _ranges[^1] = _ranges[^1].Start..stop;
            return;
        }

        _ranges.Add(start..stop);
    }

    /// <summary>Widens the parts to whole blocks, and joins those that then touch.</summary>
    public void AlignRanges(int blockSize)
    {
        int count = 0;
        foreach (Range range in _ranges.ToArray())
        {
            int start = range.Start.Value / blockSize * blockSize;
            int end = (int)Math.Min(Length, ((long)range.End.Value + blockSize - 1) / blockSize * blockSize);
            if (count > 0 && _ranges[count - 1].End.Value >= start)
            {
                _ranges[count - 1] = _ranges[count - 1].Start..end;
            }
            else
            {
                _ranges[count++] = start..end;
            }
        }

        _ranges.RemoveRange(count, _ranges.Count - count);
    }

    /// <summary>Makes room for the window.</summary>
    public void EnsureBuffer(int size)
    {
        if (_buffer.Length < size)
        {
            _buffer = GC.AllocateUninitializedArray<byte>(size, pinned: true);
        }
    }
}
