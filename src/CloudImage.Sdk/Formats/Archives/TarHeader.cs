using System;
using System.Text;

namespace CloudImage.Sdk.Formats.Archives;

/// <summary>What one header block of a tar archive says of its member.</summary>
internal readonly struct TarHeader
{
    private static readonly UTF8Encoding s_strictUtf8 = new(false, throwOnInvalidBytes: true);

    private TarHeader(string name, byte type, long size)
    {
        Name = name;
        Type = type;
        Size = size;
    }

    public string Name { get; }

    public byte Type { get; }

    public long Size { get; }

    /// <summary>Reads a header block.</summary>
    /// <returns>Whether it is one; if not, <paramref name="fault"/> tells why.</returns>
    public static bool TryParse(ReadOnlySpan<byte> block, out TarHeader header, out string? fault)
    {
        header = default;
        if (!TarNumber.TryRead(block.Slice(TarConstants.ChecksumOffset, TarConstants.ShortNumberLength), out long checksum) || !IsChecksum(block, checksum))
        {
            fault = "The checksum of a tar header does not match: no header is here, or it is damaged.";
            return false;
        }

        if (!TarNumber.TryRead(block.Slice(TarConstants.SizeOffset, TarConstants.LongNumberLength), out long size))
        {
            fault = "The size in a tar header is not a number of at most 63 bits.";
            return false;
        }

        fault = null;
        header = new TarHeader(ReadName(block), block[TarConstants.TypeOffset], size);
        return true;
    }

    /// <summary>Text up to the first NUL: UTF-8 where it is valid, else Latin-1, so that every name has some form.</summary>
    public static string Text(ReadOnlySpan<byte> field)
    {
        int end = field.IndexOf((byte)0);
        field = end < 0 ? field : field[..end];
        try
        {
            return s_strictUtf8.GetString(field);
        }
        catch (DecoderFallbackException)
        {
            return Encoding.Latin1.GetString(field);
        }
    }

    /// <summary>The checksum of a header: the sum of its bytes, those of the field itself counted as spaces.</summary>
    public static int Checksum(ReadOnlySpan<byte> block)
    {
        int sum = TarConstants.ShortNumberLength * ' ';
        foreach (byte value in block)
        {
            sum += value;
        }

        foreach (byte value in block.Slice(TarConstants.ChecksumOffset, TarConstants.ShortNumberLength))
        {
            sum -= value;
        }

        return sum;
    }

    // Some historic programs summed signed bytes; both sums are accepted, as by every reader.
    private static bool IsChecksum(ReadOnlySpan<byte> block, long checksum)
    {
        int sum = Checksum(block);
        if (sum == checksum)
        {
            return true;
        }

        for (int index = 0; index < block.Length; index++)
        {
            bool isField = index >= TarConstants.ChecksumOffset && index < TarConstants.ChecksumOffset + TarConstants.ShortNumberLength;
            sum -= !isField && block[index] >= 0x80 ? 256 : 0;
        }

        return sum == checksum;
    }

    private static string ReadName(ReadOnlySpan<byte> block)
    {
        string name = Text(block.Slice(TarConstants.NameOffset, TarConstants.NameLength));

        // Only POSIX headers ("ustar" NUL) have a prefix: the GNU variant ("ustar" space) keeps other things there.
        bool isPosix = block.Slice(TarConstants.MagicOffset, 6).SequenceEqual("ustar\0"u8);
        string prefix = isPosix ? Text(block.Slice(TarConstants.PrefixOffset, TarConstants.PrefixLength)) : string.Empty;
        return prefix.Length == 0 ? name : $"{prefix}/{name}";
    }
}
