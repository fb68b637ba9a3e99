using System;
using System.Buffers.Text;
using System.Collections.Generic;
using System.Globalization;

namespace CloudImage.Sdk.Formats.Archives;

/// <summary>The records of a pax header that matter here: name, size, and the three versions of GNU sparse members.</summary>
internal sealed class TarPax
{
    public string? Path { get; private set; }

    public long? Size { get; private set; }

    public string? SparseName { get; private set; }

    public long? SparseRealSize { get; private set; }

    /// <summary>Whether the map is the beginning of the member's data (GNU sparse 1.0).</summary>
    public bool HasMapInData { get; private set; }

    /// <summary>The map of GNU sparse 0.0 and 0.1; null where there is none.</summary>
    public List<(long Offset, long Length)>? SparseEntries { get; private set; }

    private long? PendingOffset { get; set; }

    private long Major { get; set; }

    private long Minor { get; set; }

    /// <summary>Reads records of the form "LENGTH KEY=VALUE\n".</summary>
    /// <returns>What they say; null where they are not valid.</returns>
    public static TarPax? Parse(ReadOnlySpan<byte> records)
    {
        TarPax pax = new();
        while (!records.IsEmpty)
        {
            if (!Utf8Parser.TryParse(records, out int length, out int digits) || digits + 3 > length || length > records.Length
                || records[digits] != ' ' || records[length - 1] != '\n')
            {
                return null;
            }

            ReadOnlySpan<byte> record = records[(digits + 1)..(length - 1)];
            int equals = record.IndexOf((byte)'=');
            if (equals < 0 || !pax.Take(TarHeader.Text(record[..equals]), TarHeader.Text(record[(equals + 1)..])))
            {
                return null;
            }

            records = records[length..];
        }

        pax.HasMapInData = pax.Major == 1 && pax.Minor == 0;
        return pax;
    }

    private bool Take(string key, string value)
    {
        switch (key)
        {
            case "path":
                Path = value;
                return true;
            case "GNU.sparse.name":
                SparseName = value;
                return true;
            case "GNU.sparse.map":
                return TakeMap(value);
            case "size" or "GNU.sparse.size" or "GNU.sparse.realsize" or "GNU.sparse.major" or "GNU.sparse.minor" or "GNU.sparse.offset" or "GNU.sparse.numbytes":
                return TryNumber(value, out long number) && TakeNumber(key, number);
            default:
                return true;
        }
    }

    private bool TakeNumber(string key, long number)
    {
        switch (key)
        {
            case "size":
                Size = number;
                return true;
            case "GNU.sparse.size" or "GNU.sparse.realsize":
                SparseRealSize = number;
                return true;
            case "GNU.sparse.major":
                Major = number;
                return true;
            case "GNU.sparse.minor":
                Minor = number;
                return true;
            case "GNU.sparse.offset":
                PendingOffset = number;
                return true;
            default:
                if (PendingOffset is not { } offset)
                {
                    return false;
                }

                (SparseEntries ??= []).Add((offset, number));
                PendingOffset = null;
                return true;
        }
    }

    private bool TakeMap(string value)
    {
        List<(long Offset, long Length)> entries = [];
        long? offset = null;
        foreach (Range range in value.AsSpan().Split(','))
        {
            if (!TryNumber(value.AsSpan()[range], out long number))
            {
                return value.Length == 0;
            }

            if (offset is { } first)
            {
                entries.Add((first, number));
                offset = null;
            }
            else
            {
                offset = number;
            }
        }

        SparseEntries = entries;
        return offset is null;
    }

    private static bool TryNumber(ReadOnlySpan<char> text, out long number) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
