namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>A part of an L2 table in memory, in the machine's byte order. Immutable once published.</summary>
internal sealed class Qcow2L2Slice
{
    public Qcow2L2Slice(long index, long fileOffset, ulong[] words, int start, int count)
    {
        Index = index;
        FileOffset = fileOffset;
        Words = words;
        Start = start;
        Count = count;
    }

    /// <summary>Which part of the disk it describes, counted in slices.</summary>
    public long Index { get; }

    /// <summary>Where it lies in the container.</summary>
    public long FileOffset { get; }

    /// <summary>The array that holds the words, which neighbours may share.</summary>
    public ulong[] Words { get; }

    /// <summary>First word of the slice.</summary>
    public int Start { get; }

    /// <summary>Number of words: one an entry, two with extended entries.</summary>
    public int Count { get; }
}
