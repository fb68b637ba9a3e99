namespace CloudImage.Sdk.Formats.Archives;

/// <summary>Offsets and values of tar headers: POSIX.1-1988 (ustar), the older GNU variant, and pax (POSIX.1-2001).</summary>
internal static class TarConstants
{
    /// <summary>Size of a header, and what data is padded to.</summary>
    public const int BlockSize = 512;

    public const int NameOffset = 0;
    public const int NameLength = 100;
    public const int ModeOffset = 100;
    public const int UserIdOffset = 108;
    public const int GroupIdOffset = 116;
    public const int SizeOffset = 124;
    public const int TimeOffset = 136;
    public const int ChecksumOffset = 148;
    public const int TypeOffset = 156;
    public const int MagicOffset = 257;
    public const int PrefixOffset = 345;
    public const int PrefixLength = 155;

    /// <summary>Numbers of the length of sizes and times.</summary>
    public const int LongNumberLength = 12;

    /// <summary>Numbers of the length of modes and owners.</summary>
    public const int ShortNumberLength = 8;

    /// <summary>Old GNU sparse header: four entries, a flag for extension blocks, the real size.</summary>
    public const int SparseEntriesOffset = 386;
    public const int SparseEntriesInHeader = 4;
    public const int SparseIsExtendedOffset = 482;
    public const int SparseRealSizeOffset = 483;

    /// <summary>Old GNU extension block: 21 entries and a flag for one more block.</summary>
    public const int SparseEntriesInExtension = 21;
    public const int ExtensionIsExtendedOffset = 504;
    public const int SparseEntryLength = 24;

    public const byte TypeFile = (byte)'0';
    public const byte TypeOldFile = 0;
    public const byte TypeContiguous = (byte)'7';
    public const byte TypeDirectory = (byte)'5';
    public const byte TypeSparse = (byte)'S';
    public const byte TypePax = (byte)'x';
    public const byte TypePaxGlobal = (byte)'g';
    public const byte TypeLongName = (byte)'L';
    public const byte TypeLongLink = (byte)'K';
}
