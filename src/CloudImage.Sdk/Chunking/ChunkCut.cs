using System;

namespace CloudImage.Sdk.Chunking;

/// <summary>One chunk found by a <see cref="Chunker"/>.</summary>
public readonly struct ChunkCut : IEquatable<ChunkCut>
{
    /// <summary>Names a chunk.</summary>
    /// <param name="length">Its length in bytes.</param>
    /// <param name="isZero">Whether all of it is zero.</param>
    public ChunkCut(int length, bool isZero)
    {
        Length = length;
        IsZero = isZero;
    }

    /// <summary>Gets the chunk's length.</summary>
    /// <value>Bytes, at least one.</value>
    public int Length { get; }

    /// <summary>Gets whether the chunk is all zeros and need not be stored.</summary>
    /// <value><see langword="true"/> for a zero extent.</value>
    public bool IsZero { get; }

    /// <summary>Compares two chunks.</summary>
    /// <param name="left">One chunk.</param>
    /// <param name="right">The other.</param>
    /// <returns>Whether length and kind are equal.</returns>
    public static bool operator ==(ChunkCut left, ChunkCut right) => left.Equals(right);

    /// <summary>Compares two chunks.</summary>
    /// <param name="left">One chunk.</param>
    /// <param name="right">The other.</param>
    /// <returns>Whether length or kind differ.</returns>
    public static bool operator !=(ChunkCut left, ChunkCut right) => !left.Equals(right);

    /// <inheritdoc/>
    public bool Equals(ChunkCut other) => Length == other.Length && IsZero == other.IsZero;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is ChunkCut other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Length, IsZero);

    /// <inheritdoc/>
    public override string ToString() => IsZero ? $"zero {Length}" : $"data {Length}";
}
