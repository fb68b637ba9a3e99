using System;
using System.Buffers.Binary;

namespace CloudImage.Sdk.Formats.Archives;

/// <summary>Numbers of tar headers: octal digits, or base 256 where the first bit is set.</summary>
internal static class TarNumber
{
    /// <summary>Reads a number that may not be negative.</summary>
    /// <returns>Whether the field holds such a number of at most 63 bits.</returns>
    public static bool TryRead(ReadOnlySpan<byte> field, out long value)
    {
        value = 0;
        if ((field[0] & 0x80) != 0)
        {
            return TryReadBinary(field, out value);
        }

        int index = 0;
        while (index < field.Length && field[index] == ' ')
        {
            index++;
        }

        for (; index < field.Length && field[index] is >= (byte)'0' and <= (byte)'7'; index++)
        {
            value = (value << 3) | (long)(field[index] - '0');
        }

        // Twelve octal digits are 36 bits: no sum can overflow. What follows the digits is a space or the end.
        return index == field.Length || field[index] is 0 or (byte)' ';
    }

    /// <summary>Writes a number, octal where it fits and base 256 where it does not.</summary>
    public static void Write(Span<byte> field, long value)
    {
        int digits = field.Length - 1;
        if (value >> (3 * digits) != 0)
        {
            field.Clear();
            BinaryPrimitives.WriteInt64BigEndian(field[^8..], value);
            field[0] |= 0x80;
            return;
        }

        field[digits] = 0;
        for (int index = digits - 1; index >= 0; index--)
        {
            field[index] = (byte)('0' + (value & 7));
            value >>= 3;
        }
    }

    private static bool TryReadBinary(ReadOnlySpan<byte> field, out long value)
    {
        value = field[0] & 0x7f;
        foreach (byte next in field[1..])
        {
            if (value >> 55 != 0)
            {
                return false;
            }

            value = (value << 8) | next;
        }

        return value >= 0;
    }
}
