namespace CloudImage.Sdk.Formats.Archives;

/// <summary>The gzip format (RFC 1952), and the extra field by which this library finds its members again.</summary>
internal static class GzipConstants
{
    public const int HeaderLength = 10;
    public const int TrailerLength = 8;

    /// <summary>Flag: an extra field follows the header.</summary>
    public const byte FlagExtra = 4;

    /// <summary>Subfield "CI": length of the whole member in bytes, then of its plain content, both 32 bits, little endian.</summary>
    public const byte SubfieldId1 = (byte)'C';
    public const byte SubfieldId2 = (byte)'I';
    public const int SubfieldLength = 8;

    /// <summary>Header, length of the extra field, head and content of its one subfield.</summary>
    public const int SizedHeaderLength = HeaderLength + 2 + 4 + SubfieldLength;

    /// <summary>The longest plain content of a member that is found by its subfield; a hostile one could ask for more memory.</summary>
    public const int MaxMemberLength = 4 << 20;
}
