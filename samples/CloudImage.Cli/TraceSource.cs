using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;

namespace CloudImage.Cli;

/// <summary>
/// Lists of what was read of a disk, in the order of reading, as tools write them: logs of qemu's trace events, the text of blkparse, JSON, or a
/// range a line. What they are is found from their content.
/// </summary>
internal static partial class TraceSource
{
    /// <summary>What the help says about them.</summary>
    public const string Description =
        "what was read, in the order of reading: a log of qemu (--trace blk_co_preadv, or virtio_blk_handle_read), the text of blkparse, JSON with start and length, or a line 'OFFSET LENGTH' each";

    // No repository has smaller chunks: what lies in a block that was read before adds nothing.
    private const int Block = 64 << 10;
    private const long MaxJsonLength = 256L << 20;
    private const int Sector = 512;

    /// <summary>Reads a list.</summary>
    /// <param name="path">A file, or - for standard input.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>The ranges that read something new, in order.</returns>
    /// <exception cref="UsageException">It is no such list, or names no read.</exception>
    public static async Task<IReadOnlyList<DiskExtent>> ReadAsync(string path, CancellationToken cancellationToken)
    {
        await using Stream stream = path == "-" ? Console.OpenStandardInput() : File.OpenRead(path);
        using StreamReader reader = new(stream);
        Ranges logged = new();
        Ranges plain = new();
        string? firstBad = null;
        long number = 0;
        while (await reader.ReadLineAsync(cancellationToken) is { } line)
        {
            number++;
            if (logged.Count == 0 && plain.Count == 0 && firstBad is null && line.AsSpan().TrimStart() is ['{' or '[', ..])
            {
                return await ReadJsonAsync(path, line, reader, cancellationToken);
            }

            if (TryReadLog(line, out long offset, out long length, out bool isLog))
            {
                logged.Add(offset, length);
            }
            else if (!isLog && !IsIgnored(line))
            {
                if (TryReadPlain(line, out offset, out length))
                {
                    plain.Add(offset, length);
                }
                else
                {
                    firstBad ??= $"line {number}, '{(line.Length > 80 ? line[..80] : line)}'";
                }
            }
        }

        // A log has lines about other things; a plain list has none.
        if (logged.Count == 0 && firstBad is not null)
        {
            throw new UsageException($"'{path}' is no list of reads: {firstBad}. Known is {Description}.");
        }

        return Require(path, logged.Count > 0 ? logged : plain);
    }

    private static IReadOnlyList<DiskExtent> Require(string path, Ranges ranges) =>
        ranges.Count > 0 ? ranges.Items : throw new UsageException($"'{path}' names nothing that was read. Known is {Description}.");

    private static async Task<IReadOnlyList<DiskExtent>> ReadJsonAsync(string path, string first, StreamReader rest, CancellationToken cancellationToken)
    {
        char[] buffer = new char[64 << 10];
        System.Text.StringBuilder text = new(first);
        text.Append('\n');
        for (int count; (count = await rest.ReadAsync(buffer, cancellationToken)) > 0;)
        {
            text.Append(buffer, 0, count);
            if (text.Length > MaxJsonLength)
            {
                throw new UsageException($"'{path}' is longer than {MaxJsonLength} characters of JSON; a line 'OFFSET LENGTH' each has no limit.");
            }
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(text.ToString());
            JsonElement list = document.RootElement.ValueKind == JsonValueKind.Object ? document.RootElement.GetProperty("ranges") : document.RootElement;
            Ranges ranges = new();
            foreach (JsonElement item in list.EnumerateArray())
            {
                // In the map of an image "offset" is a place in its file, and what is not data was never read.
                bool isMap = item.TryGetProperty("start", out JsonElement start);
                if (!(item.TryGetProperty("data", out JsonElement isData) && isData.ValueKind == JsonValueKind.False))
                {
                    ranges.Add((isMap ? start : item.GetProperty("offset")).GetInt64(), item.GetProperty("length").GetInt64());
                }
            }

            return Require(path, ranges);
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new UsageException($"'{path}' is no list of reads in JSON, an array of {{\"start\": N, \"length\": N}} or an object with such \"ranges\": {exception.Message}");
        }
    }

    // A line of a log; a read, or something else.
    private static bool TryReadLog(string line, out long offset, out long length, out bool isLog)
    {
        offset = length = 0;
        isLog = true;
        if (QemuRead().Match(line) is { Success: true } byBytes)
        {
            return TryParse(byBytes, 1, out offset, out length);
        }

        if (VirtioRead().Match(line) is { Success: true } bySectors)
        {
            return TryParse(bySectors, Sector, out offset, out length);
        }

        if (BlkparseLine().Match(line) is { Success: true } traced)
        {
            return traced.Groups["kind"].ValueSpan.Contains('R') && TryParse(traced, Sector, out offset, out length);
        }

        isLog = false;
        return false;
    }

    private static bool TryParse(Match match, int unit, out long offset, out long length)
    {
        length = 0;
        if (!long.TryParse(match.Groups["at"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out offset)
            || !long.TryParse(match.Groups["count"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out length)
            || offset > long.MaxValue / unit || length > long.MaxValue / unit)
        {
            return false;
        }

        (offset, length) = (offset * unit, length * unit);
        return true;
    }

    private static bool IsIgnored(string line)
    {
        ReadOnlySpan<char> text = line.AsSpan().Trim();
        return text.IsEmpty || text[0] == '#' || text.StartsWith("start ", StringComparison.Ordinal);
    }

    private static bool TryReadPlain(string line, out long offset, out long length)
    {
        offset = length = 0;
        string[] parts = line.Split([' ', '\t', ',', ':'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return parts.Length == 2 && TryReadSize(parts[0], out offset) && TryReadSize(parts[1], out length);
    }

    private static bool TryReadSize(string text, out long size)
    {
        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            return long.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out size) && size >= 0;
        }

        try
        {
            size = Output.ByteText.Parse(text);
            return true;
        }
        catch (UsageException)
        {
            size = 0;
            return false;
        }
    }

    [GeneratedRegex(@"\b(?:blk|bdrv)_co_preadv(?:_part)? .*\boffset (?<at>\d+) bytes (?<count>\d+)")]
    private static partial Regex QemuRead();

    [GeneratedRegex(@"\bvirtio_blk_handle_read .*\bsector (?<at>\d+) nsectors (?<count>\d+)")]
    private static partial Regex VirtioRead();

    // Device, processor, number, seconds, process, action, kind of request, sector + sectors.
    [GeneratedRegex(@"^\s*\d+,\d+\s+\d+\s+\d+\s+\d+\.\d+\s+\d+\s+[A-Z]+\s+(?<kind>[A-Z]+)\s+(?<at>\d+) \+ (?<count>\d+)\b")]
    private static partial Regex BlkparseLine();

    // Memory in proportion to the part of the disk that is read, however long the log is.
    private sealed class Ranges
    {
        private readonly HashSet<long> _seen = [];
        private readonly List<DiskExtent> _items = [];

        public IReadOnlyList<DiskExtent> Items => _items;

        public int Count => _items.Count;

        public void Add(long offset, long length)
        {
            if (offset < 0 || length < 0 || offset > long.MaxValue - length)
            {
                throw new UsageException($"{length} bytes at {offset} are no range of a disk.");
            }

            bool isNew = false;
            for (long block = offset / Block; block * Block < offset + length && _seen.Count < 1 << 24; block++)
            {
                isNew |= _seen.Add(block);
            }

            if (isNew)
            {
                _items.Add(new DiskExtent(offset, length, DiskExtentKind.Data));
            }
        }
    }
}
