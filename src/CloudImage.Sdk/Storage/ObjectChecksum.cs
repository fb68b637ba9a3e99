using System;

namespace CloudImage.Sdk.Storage;

/// <summary>A checksum of a whole object: its kind and its bytes.</summary>
public readonly struct ObjectChecksum : IEquatable<ObjectChecksum>
{
    private readonly byte[]? _value;

    /// <summary>Makes a checksum.</summary>
    /// <param name="kind">The kind.</param>
    /// <param name="value">Its bytes, as many as the kind says; copied.</param>
    /// <exception cref="ArgumentException">The number of bytes is not that of the kind.</exception>
    public ObjectChecksum(ObjectChecksumKind kind, ReadOnlySpan<byte> value)
    {
        if (value.Length != GetLength(kind))
        {
            throw new ArgumentException($"A checksum of kind {kind} has {GetLength(kind)} bytes, not {value.Length}.", nameof(value));
        }

        Kind = kind;
        _value = value.IsEmpty ? null : value.ToArray();
    }

    /// <summary>The kind; <see cref="ObjectChecksumKind.None"/> where there is no checksum.</summary>
    public ObjectChecksumKind Kind { get; }

    /// <summary>The bytes; empty where there is no checksum.</summary>
    public ReadOnlySpan<byte> Value => _value;

    /// <summary>Whether two checksums are the same.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    /// <returns>Whether kind and bytes are equal.</returns>
    public static bool operator ==(ObjectChecksum left, ObjectChecksum right) => left.Equals(right);

    /// <summary>Whether two checksums differ.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    /// <returns>Whether kind or bytes differ.</returns>
    public static bool operator !=(ObjectChecksum left, ObjectChecksum right) => !left.Equals(right);

    /// <inheritdoc/>
    public bool Equals(ObjectChecksum other) => Kind == other.Kind && Value.SequenceEqual(other.Value);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is ObjectChecksum other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.Add(Kind);
        hash.AddBytes(Value);
        return hash.ToHashCode();
    }

    /// <summary>The kind and the bytes in hexadecimal, such as <c>Sha256:e3b0...</c>.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => $"{Kind}:{Convert.ToHexStringLower(Value)}";

    private static int GetLength(ObjectChecksumKind kind) => kind switch
    {
        ObjectChecksumKind.None => 0,
        ObjectChecksumKind.Crc32C => 4,
        ObjectChecksumKind.Crc64Nvme => 8,
        ObjectChecksumKind.Md5 => 16,
        ObjectChecksumKind.Sha256 => 32,
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "No such kind of checksum."),
    };
}
