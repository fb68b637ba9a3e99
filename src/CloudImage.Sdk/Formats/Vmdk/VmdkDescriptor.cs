using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>The text that describes a disk: content ids, type, extents, disk database. Tolerant of spaces, line ends and comments.</summary>
internal sealed class VmdkDescriptor
{
    private readonly Dictionary<string, string> _values = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<VmdkExtentLine> _extents = [];

    private VmdkDescriptor()
    {
    }

    public IReadOnlyList<VmdkExtentLine> Extents => _extents;

    public IReadOnlyDictionary<string, string> Values => _values;

    public uint ContentId { get; private set; }

    public uint ParentContentId { get; private set; } = VmdkConstants.NoParent;

    public string CreateType => Find("createType") ?? string.Empty;

    public string? ParentFileName => Find("parentFileNameHint");

    public bool HasParent => ParentContentId != VmdkConstants.NoParent;

    /// <summary>Whether text looks like a descriptor: comments and blank lines, then a version.</summary>
    public static bool IsMatch(ReadOnlySpan<byte> bytes)
    {
        if (StartsWithIgnoringCase(bytes, "# Disk DescriptorFile"u8))
        {
            return true;
        }

        for (int lines = 0; lines < 64 && !bytes.IsEmpty; lines++)
        {
            int end = bytes.IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = (end < 0 ? bytes : bytes[..end]).Trim(" \t\r"u8);
            if (StartsWithIgnoringCase(line, "version"u8))
            {
                return line[7..].TrimStart(" \t"u8).StartsWith("="u8) && end >= 0;
            }

            if (!line.IsEmpty && line[0] != (byte)'#')
            {
                return false;
            }

            bytes = end < 0 ? default : bytes[(end + 1)..];
        }

        return false;
    }

    /// <summary>Parses a descriptor.</summary>
    /// <param name="bytes">The text; ends at the first zero byte.</param>
    /// <param name="fileOffset">Where the text begins in its file, for messages.</param>
    /// <param name="limits">How many extents it may list.</param>
    /// <exception cref="DiskFormatException">The text is no descriptor, or a line of it is impossible.</exception>
    public static VmdkDescriptor Parse(ReadOnlySpan<byte> bytes, long fileOffset, DiskReadLimits limits)
    {
        int end = bytes.IndexOf((byte)0);
        bytes = end < 0 ? bytes : bytes[..end];
        VmdkDescriptor descriptor = new();
        Encoding encoding = VmdkText.EncodingOf(bytes);
        for (int at = 0; at < bytes.Length;)
        {
            int length = bytes[at..].IndexOf((byte)'\n');
            length = length < 0 ? bytes.Length - at : length;
            ReadOnlySpan<byte> line = bytes.Slice(at, length).Trim(" \t\r"u8);
            if (!line.IsEmpty && line[0] != (byte)'#')
            {
                descriptor.Add(encoding.GetString(line), fileOffset + at, limits);
            }

            at += length + 1;
        }

        descriptor.Finish(fileOffset);
        return descriptor;
    }

    public string? Find(string key) => _values.GetValueOrDefault(key);

    private void Add(string line, long fileOffset, DiskReadLimits limits)
    {
        if (VmdkText.HasControlCharacter(line))
        {
            throw new DiskFormatException(VmdkConstants.FormatName, fileOffset, "A line of the descriptor holds a control character.");
        }

        if (IsExtent(line))
        {
            if (_extents.Count >= limits.MaxListEntries)
            {
                throw new DiskFormatException(VmdkConstants.FormatName, fileOffset, $"The descriptor lists more than {limits.MaxListEntries} extents (DiskReadLimits.MaxListEntries).");
            }

            _extents.Add(ParseExtent(line, fileOffset));
            return;
        }

        int equals = line.IndexOf('=', StringComparison.Ordinal);
        if (equals > 0)
        {
            // The first one holds, as in qemu; a second one is somebody's trick or accident.
            _values.TryAdd(line[..equals].Trim(), line[(equals + 1)..].Trim().Trim('"'));
        }
    }

    private void Finish(long fileOffset)
    {
        if (_values.Count == 0 && _extents.Count == 0)
        {
            throw new DiskFormatException(VmdkConstants.FormatName, fileOffset, "The descriptor is empty.");
        }

        if (Find("version") is { } version && version is not ("1" or "2" or "3" or "4"))
        {
            throw new UnsupportedDiskFeatureException(VmdkConstants.FormatName, fileOffset, $"descriptor-version-{version}", $"The descriptor has version '{version}'; 1 to 4 are known.");
        }

        ContentId = ParseId("CID", fileOffset) ?? 0;
        ParentContentId = ParseId("parentCID", fileOffset) ?? VmdkConstants.NoParent;
    }

    private uint? ParseId(string key, long fileOffset)
    {
        if (Find(key) is not { } text)
        {
            return null;
        }

        return uint.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint id)
            ? id
            : throw new DiskFormatException(VmdkConstants.FormatName, fileOffset, $"The descriptor's {key} is '{text}'; up to eight hexadecimal digits were expected.");
    }

    private static bool IsExtent(string line) =>
        line.StartsWith("RW ", StringComparison.OrdinalIgnoreCase) || line.StartsWith("RDONLY ", StringComparison.OrdinalIgnoreCase)
        || line.StartsWith("NOACCESS ", StringComparison.OrdinalIgnoreCase);

    // ACCESS SECTORS TYPE ["FILE" [FIRST-SECTOR]]; a raw device mapping has further words, which nothing here needs.
    private static VmdkExtentLine ParseExtent(string line, long fileOffset)
    {
        int quote = line.IndexOf('"', StringComparison.Ordinal);
        int lastQuote = line.LastIndexOf('"');
        string[] words = (quote < 0 ? line : line[..quote]).Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        if (words.Length < 3 || (quote >= 0 && lastQuote == quote)
            || !long.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out long sectors) || sectors > long.MaxValue / VmdkConstants.SectorSize)
        {
            throw new DiskFormatException(VmdkConstants.FormatName, fileOffset, $"The extent line '{VmdkText.Shorten(line)}' is not ACCESS SECTORS TYPE \"FILE\" [SECTOR].");
        }

        long firstSector = 0;
        string rest = quote < 0 ? string.Empty : line[(lastQuote + 1)..].Trim();
        string first = rest.Split(' ', 2)[0];
        string type = words[2].ToUpperInvariant();
        if (first.Length > 0 && type is "FLAT" or "VMFS"
            && (!long.TryParse(first, NumberStyles.None, CultureInfo.InvariantCulture, out firstSector) || firstSector > long.MaxValue / VmdkConstants.SectorSize))
        {
            throw new DiskFormatException(VmdkConstants.FormatName, fileOffset, $"The extent line '{VmdkText.Shorten(line)}' begins at sector '{first}'.");
        }

        return new VmdkExtentLine
        {
            Access = words[0].ToUpperInvariant(),
            Sectors = sectors,
            Type = type,
            FileName = quote < 0 ? string.Empty : line[(quote + 1)..lastQuote],
            FirstSector = firstSector,
            FileOffset = fileOffset,
        };
    }

    private static bool StartsWithIgnoringCase(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> ascii) =>
        bytes.Length >= ascii.Length && Ascii.EqualsIgnoreCase(bytes[..ascii.Length], ascii);
}
