using System;
using System.Text;

namespace CloudImage.Sdk.Formats.Archives;

/// <summary>Writes tar headers of the GNU variant, which holds sizes of any length.</summary>
internal static class TarHeaderWriter
{
    /// <summary>Writes the header of a member whose name fits into it.</summary>
    /// <exception cref="ArgumentException">The name has more than 100 bytes.</exception>
    public static void Write(Span<byte> header, string name, byte type, long size, long unixTime)
    {
        header.Clear();
        if (Encoding.UTF8.GetByteCount(name) > TarConstants.NameLength)
        {
            throw new ArgumentException($"The name '{name}' has more than {TarConstants.NameLength} bytes.", nameof(name));
        }

        Encoding.UTF8.GetBytes(name, header[..TarConstants.NameLength]);
        TarNumber.Write(header.Slice(TarConstants.ModeOffset, TarConstants.ShortNumberLength), 0b110_100_100);
        TarNumber.Write(header.Slice(TarConstants.UserIdOffset, TarConstants.ShortNumberLength), 0);
        TarNumber.Write(header.Slice(TarConstants.GroupIdOffset, TarConstants.ShortNumberLength), 0);
        TarNumber.Write(header.Slice(TarConstants.SizeOffset, TarConstants.LongNumberLength), size);
        TarNumber.Write(header.Slice(TarConstants.TimeOffset, TarConstants.LongNumberLength), unixTime);
        header[TarConstants.TypeOffset] = type;
        "ustar  \0"u8.CopyTo(header[TarConstants.MagicOffset..]);
        WriteChecksum(header);
    }

    /// <summary>Writes the checksum anew, after fields were changed: six digits, NUL, space.</summary>
    public static void WriteChecksum(Span<byte> header)
    {
        Span<byte> field = header.Slice(TarConstants.ChecksumOffset, TarConstants.ShortNumberLength);
        TarNumber.Write(field[..7], TarHeader.Checksum(header));
        field[7] = (byte)' ';
    }
}
