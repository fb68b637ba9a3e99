namespace CloudImage.Sdk.Azure.Disks;

/// <summary>A run of pages that hold data or, in a difference, were cleared.</summary>
internal readonly struct PageRange(long start, long end, bool isClear)
{
    public long Start { get; } = start;

    public long End { get; } = end;

    public bool IsClear { get; } = isClear;
}
