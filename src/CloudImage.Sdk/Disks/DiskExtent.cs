using System;

namespace CloudImage.Sdk.Disks;

/// <summary>A range of a virtual disk that holds one kind of content.</summary>
public readonly struct DiskExtent : IEquatable<DiskExtent>
{
    /// <summary>Makes an extent.</summary>
    /// <param name="offset">Position of its first byte on the virtual disk.</param>
    /// <param name="length">Length in bytes.</param>
    /// <param name="kind">What it holds.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is negative, or the end is beyond <see cref="long.MaxValue"/>.</exception>
    public DiskExtent(long offset, long length, DiskExtentKind kind)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, long.MaxValue - offset);
        Offset = offset;
        Length = length;
        Kind = kind;
    }

    /// <summary>Position of the first byte, in bytes from the start of the virtual disk.</summary>
    public long Offset { get; }

    /// <summary>Length in bytes.</summary>
    public long Length { get; }

    /// <summary>What the range holds.</summary>
    public DiskExtentKind Kind { get; }

    /// <summary>Position of the first byte behind the range.</summary>
    public long End => Offset + Length;

    /// <summary>Whether two extents are equal.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    /// <returns>Whether offset, length and kind agree.</returns>
    public static bool operator ==(DiskExtent left, DiskExtent right) => left.Equals(right);

    /// <summary>Whether two extents differ.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    /// <returns>Whether offset, length or kind differ.</returns>
    public static bool operator !=(DiskExtent left, DiskExtent right) => !left.Equals(right);

    /// <inheritdoc/>
    public bool Equals(DiskExtent other) => Offset == other.Offset && Length == other.Length && Kind == other.Kind;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is DiskExtent other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Offset, Length, Kind);

    /// <inheritdoc/>
    public override string ToString() => $"{Kind} [{Offset}, {End})";
}
