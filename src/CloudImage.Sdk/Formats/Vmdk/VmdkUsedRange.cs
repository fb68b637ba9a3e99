using System;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>A part of a file that something refers to; sorted by where it begins.</summary>
internal readonly struct VmdkUsedRange : IComparable<VmdkUsedRange>
{
    public const int Size = 2 * sizeof(long);

    public VmdkUsedRange(long start, long length)
    {
        Start = start;
        Length = length;
    }

    public long Start { get; }

    public long Length { get; }

    public int CompareTo(VmdkUsedRange other) => Start != other.Start ? Start.CompareTo(other.Start) : Length.CompareTo(other.Length);
}
