using System;
using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace CloudImage.Sdk.Hashing;

/// <summary>A 32-byte digest that names a piece of content.</summary>
/// <remarks>An immutable value of 32 bytes without indirection. Digests order like their bytes, and so like their text.</remarks>
public readonly struct ContentDigest :
    IEquatable<ContentDigest>,
    IComparable<ContentDigest>,
    ISpanParsable<ContentDigest>,
    ISpanFormattable,
    IUtf8SpanFormattable
{
    /// <summary>The number of bytes in a digest.</summary>
    public const int SizeInBytes = 32;

    private const int TextLength = SizeInBytes * 2;

    // The bytes as they stand, in the machine's own order: equality and hashing need no conversion.
    private readonly ulong _word0;
    private readonly ulong _word1;
    private readonly ulong _word2;
    private readonly ulong _word3;

    /// <summary>Takes a digest from its bytes.</summary>
    /// <param name="bytes">Exactly <see cref="SizeInBytes"/> bytes.</param>
    /// <exception cref="ArgumentException"><paramref name="bytes"/> has another length.</exception>
    public ContentDigest(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != SizeInBytes)
        {
            throw new ArgumentException($"A digest has {SizeInBytes} bytes, not {bytes.Length}.", nameof(bytes));
        }

        _word0 = MemoryMarshal.Read<ulong>(bytes);
        _word1 = MemoryMarshal.Read<ulong>(bytes[8..]);
        _word2 = MemoryMarshal.Read<ulong>(bytes[16..]);
        _word3 = MemoryMarshal.Read<ulong>(bytes[24..]);
    }

    /// <summary>Gets whether every byte is zero, which no known content hashes to: the default value.</summary>
    /// <value><see langword="true"/> for <see langword="default"/>.</value>
    public bool IsDefault => (_word0 | _word1 | _word2 | _word3) == 0;

    /// <summary>Compares two digests for equality.</summary>
    /// <param name="left">One digest.</param>
    /// <param name="right">The other.</param>
    /// <returns><see langword="true"/> when all bytes are equal.</returns>
    public static bool operator ==(ContentDigest left, ContentDigest right) => left.Equals(right);

    /// <summary>Compares two digests for difference.</summary>
    /// <param name="left">One digest.</param>
    /// <param name="right">The other.</param>
    /// <returns><see langword="true"/> when any byte differs.</returns>
    public static bool operator !=(ContentDigest left, ContentDigest right) => !left.Equals(right);

    /// <summary>Orders two digests by their bytes.</summary>
    /// <param name="left">One digest.</param>
    /// <param name="right">The other.</param>
    /// <returns>Whether <paramref name="left"/> comes first.</returns>
    public static bool operator <(ContentDigest left, ContentDigest right) => left.CompareTo(right) < 0;

    /// <summary>Orders two digests by their bytes.</summary>
    /// <param name="left">One digest.</param>
    /// <param name="right">The other.</param>
    /// <returns>Whether <paramref name="left"/> comes first or both are equal.</returns>
    public static bool operator <=(ContentDigest left, ContentDigest right) => left.CompareTo(right) <= 0;

    /// <summary>Orders two digests by their bytes.</summary>
    /// <param name="left">One digest.</param>
    /// <param name="right">The other.</param>
    /// <returns>Whether <paramref name="left"/> comes last.</returns>
    public static bool operator >(ContentDigest left, ContentDigest right) => left.CompareTo(right) > 0;

    /// <summary>Orders two digests by their bytes.</summary>
    /// <param name="left">One digest.</param>
    /// <param name="right">The other.</param>
    /// <returns>Whether <paramref name="left"/> comes last or both are equal.</returns>
    public static bool operator >=(ContentDigest left, ContentDigest right) => left.CompareTo(right) >= 0;

    /// <summary>Reads a digest from 64 hexadecimal digits of either case.</summary>
    /// <param name="text">The digits and nothing else.</param>
    /// <returns>The digest.</returns>
    /// <exception cref="FormatException"><paramref name="text"/> is not 64 hexadecimal digits.</exception>
    public static ContentDigest Parse(ReadOnlySpan<char> text) =>
        TryParse(text, out ContentDigest result)
            ? result
            : throw new FormatException($"A digest is {TextLength} hexadecimal digits.");

    /// <summary>Reads a digest from 64 hexadecimal digits of either case.</summary>
    /// <param name="text">The digits and nothing else.</param>
    /// <param name="result">The digest, or the default value.</param>
    /// <returns>Whether <paramref name="text"/> was a digest.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, out ContentDigest result)
    {
        result = default;
        Span<byte> bytes = stackalloc byte[SizeInBytes];
        if (text.Length != TextLength || Convert.FromHexString(text, bytes, out _, out _) != OperationStatus.Done)
        {
            return false;
        }

        result = new ContentDigest(bytes);
        return true;
    }

    static ContentDigest IParsable<ContentDigest>.Parse(string s, IFormatProvider? provider)
    {
        ArgumentNullException.ThrowIfNull(s);
        return Parse(s);
    }

    static bool IParsable<ContentDigest>.TryParse(
        [NotNullWhen(true)] string? s, IFormatProvider? provider, out ContentDigest result) => TryParse(s, out result);

    static ContentDigest ISpanParsable<ContentDigest>.Parse(ReadOnlySpan<char> s, IFormatProvider? provider) => Parse(s);

    static bool ISpanParsable<ContentDigest>.TryParse(
        ReadOnlySpan<char> s, IFormatProvider? provider, out ContentDigest result) => TryParse(s, out result);

    /// <summary>Writes the digest's bytes.</summary>
    /// <param name="destination">Receives <see cref="SizeInBytes"/> bytes at its start.</param>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is too short.</exception>
    public void CopyTo(Span<byte> destination)
    {
        if (destination.Length < SizeInBytes)
        {
            throw new ArgumentException($"A digest needs {SizeInBytes} bytes, not {destination.Length}.", nameof(destination));
        }

        MemoryMarshal.Write(destination, this);
    }

    /// <summary>Copies the digest's bytes to a new array.</summary>
    /// <returns>An array of <see cref="SizeInBytes"/> bytes.</returns>
    public byte[] ToArray()
    {
        byte[] bytes = new byte[SizeInBytes];
        CopyTo(bytes);
        return bytes;
    }

    /// <inheritdoc/>
    public bool Equals(ContentDigest other) =>
        ((_word0 ^ other._word0) | (_word1 ^ other._word1) | (_word2 ^ other._word2) | (_word3 ^ other._word3)) == 0;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is ContentDigest other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_word0, _word1, _word2, _word3);

    /// <summary>Orders two digests by their bytes.</summary>
    /// <param name="other">The digest to compare with.</param>
    /// <returns>Negative, zero or positive, as this digest comes before, with or after <paramref name="other"/>.</returns>
    public int CompareTo(ContentDigest other)
    {
        if (_word0 != other._word0)
        {
            return BigEndian(_word0).CompareTo(BigEndian(other._word0));
        }

        if (_word1 != other._word1)
        {
            return BigEndian(_word1).CompareTo(BigEndian(other._word1));
        }

        return _word2 != other._word2
            ? BigEndian(_word2).CompareTo(BigEndian(other._word2))
            : BigEndian(_word3).CompareTo(BigEndian(other._word3));
    }

    /// <summary>Gives the digest as 64 lower-case hexadecimal digits.</summary>
    /// <returns>The text, as b3sum and sha256sum print it.</returns>
    public override string ToString() => ToString(null, null);

    /// <summary>Gives the digest as 64 hexadecimal digits.</summary>
    /// <param name="format">Null, empty or "x" for lower case, "X" for upper case.</param>
    /// <param name="formatProvider">Not used.</param>
    /// <returns>The text.</returns>
    /// <exception cref="FormatException"><paramref name="format"/> is something else.</exception>
    public string ToString(string? format, IFormatProvider? formatProvider)
    {
        bool isUpper = IsUpperCase(format);
        Span<byte> bytes = stackalloc byte[SizeInBytes];
        CopyTo(bytes);
        return isUpper ? Convert.ToHexString(bytes) : Convert.ToHexStringLower(bytes);
    }

    /// <inheritdoc/>
    public bool TryFormat(Span<char> destination, out int charsWritten, ReadOnlySpan<char> format, IFormatProvider? provider)
    {
        bool isUpper = IsUpperCase(format);
        Span<byte> bytes = stackalloc byte[SizeInBytes];
        CopyTo(bytes);
        return isUpper
            ? Convert.TryToHexString(bytes, destination, out charsWritten)
            : Convert.TryToHexStringLower(bytes, destination, out charsWritten);
    }

    /// <inheritdoc/>
    public bool TryFormat(Span<byte> utf8Destination, out int bytesWritten, ReadOnlySpan<char> format, IFormatProvider? provider)
    {
        bool isUpper = IsUpperCase(format);
        Span<byte> bytes = stackalloc byte[SizeInBytes];
        CopyTo(bytes);
        return isUpper
            ? Convert.TryToHexString(bytes, utf8Destination, out bytesWritten)
            : Convert.TryToHexStringLower(bytes, utf8Destination, out bytesWritten);
    }

    private static bool IsUpperCase(ReadOnlySpan<char> format) => format switch
    {
        "" or "x" => false,
        "X" => true,
        _ => throw new FormatException($"A digest is written as \"x\" or \"X\", not \"{format}\"."),
    };

    private static ulong BigEndian(ulong word) =>
        BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(word) : word;
}
