using System;

namespace CloudImage.Sdk.Disks;

/// <summary>A range of a virtual disk, what it holds, and where in the container its bytes lie.</summary>
/// <remarks>The finer sibling of <see cref="DiskExtent"/>: ranges that are apart in the container are apart here.</remarks>
public readonly struct DiskPlacement : IEquatable<DiskPlacement>
{
    /// <summary>Makes a placement.</summary>
    /// <param name="offset">Position of its first byte on the virtual disk.</param>
    /// <param name="length">Length in bytes.</param>
    /// <param name="kind">What it holds.</param>
    /// <param name="containerOffset">Position of its first byte in the container, or -1 where the bytes do not lie there verbatim.</param>
    public DiskPlacement(long offset, long length, DiskExtentKind kind, long containerOffset = -1)
        : this(offset, length, kind, containerOffset, null, 0, false, 0)
    {
    }

    internal DiskPlacement(long offset, long length, DiskExtentKind kind, long containerOffset, VirtualDisk? container, ulong token, bool isCompressed, int depth)
    {
        Offset = offset;
        Length = length;
        Kind = kind;
        ContainerOffset = containerOffset;
        Container = container;
        Token = token;
        IsCompressed = isCompressed;
        Depth = depth;
    }

    /// <summary>Position of the first byte, in bytes from the start of the virtual disk.</summary>
    public long Offset { get; }

    /// <summary>Length in bytes.</summary>
    public long Length { get; }

    /// <summary>What the range holds.</summary>
    public DiskExtentKind Kind { get; }

    /// <summary>Position of the first byte in the container of its layer, or -1 where the bytes do not lie there verbatim.</summary>
    public long ContainerOffset { get; }

    /// <summary>Whether the bytes are stored compressed.</summary>
    public bool IsCompressed { get; }

    /// <summary>The layer that holds the bytes: 0 for the disk itself, 1 for its parent, and so on.</summary>
    public int Depth { get; }

    /// <summary>Position of the first byte behind the range.</summary>
    public long End => Offset + Length;

    /// <summary>The disk that <see cref="ContainerOffset"/> counts in; null where nothing is stored verbatim.</summary>
    internal VirtualDisk? Container { get; }

    /// <summary>What the format needs to find encoded bytes again, such as a compressed cluster's descriptor.</summary>
    internal ulong Token { get; }

    /// <summary>Whether two placements are equal.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    /// <returns>Whether they agree.</returns>
    public static bool operator ==(DiskPlacement left, DiskPlacement right) => left.Equals(right);

    /// <summary>Whether two placements differ.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    /// <returns>Whether they differ.</returns>
    public static bool operator !=(DiskPlacement left, DiskPlacement right) => !left.Equals(right);

    /// <inheritdoc/>
    public bool Equals(DiskPlacement other) =>
        Offset == other.Offset && Length == other.Length && Kind == other.Kind && ContainerOffset == other.ContainerOffset
        && IsCompressed == other.IsCompressed && Depth == other.Depth;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is DiskPlacement other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Offset, Length, Kind, ContainerOffset, IsCompressed, Depth);

    /// <inheritdoc/>
    public override string ToString() => $"{Kind} [{Offset}, {End}) at {ContainerOffset}, layer {Depth}";

    /// <summary>The part of this placement from its start, no longer than a limit.</summary>
    internal DiskPlacement Limit(long length) =>
        length >= Length ? this : new DiskPlacement(Offset, length, Kind, ContainerOffset, Container, Token, IsCompressed, Depth);

    /// <summary>The same placement seen from a disk that lies further up.</summary>
    internal DiskPlacement AtDepth(int depth) => new(Offset, Length, Kind, ContainerOffset, Container, Token, IsCompressed, depth);
}
