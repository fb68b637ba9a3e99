using System;
using System.Globalization;

namespace CloudImage.Cli.Output;

/// <summary>Sizes as people read and write them.</summary>
internal static class ByteText
{
    private static readonly string[] s_units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

    /// <summary>A size with a binary unit, such as "1.5 GiB".</summary>
    public static string Format(long count)
    {
        double value = count;
        int unit = 0;
        while (value >= 1024 && unit < s_units.Length - 1)
        {
            value /= 1024;
            unit++;
        }

        string number = unit == 0 || value == Math.Floor(value) ? $"{value:0}" : $"{value:0.##}";
        return string.Create(CultureInfo.InvariantCulture, $"{number} {s_units[unit]}");
    }

    /// <summary>A size with its exact number of bytes.</summary>
    public static string Exact(long count) => count < 1024 ? $"{count} bytes" : $"{Format(count)} ({count} bytes)";

    /// <summary>Reads "512", "64k", "1M", "2G", "1T" as qemu-img does.</summary>
    public static long Parse(string text)
    {
        ReadOnlySpan<char> digits = text.AsSpan().TrimEnd("kKmMgGtTiIbB");
        int shift = text.Length == digits.Length ? 0 : char.ToUpperInvariant(text[digits.Length]) switch
        {
            'K' => 10,
            'M' => 20,
            'G' => 30,
            'T' => 40,
            'B' => 0,
            _ => -1,
        };
        return shift >= 0 && long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long number) && number <= long.MaxValue >> shift
            ? number << shift
            : throw new UsageException($"'{text}' is not a size; write a number of bytes, or one with k, M, G or T behind it.");
    }

    /// <summary>Reads a size of at most so many bytes.</summary>
    /// <exception cref="UsageException">The text is no size, or a larger one.</exception>
    public static long Parse(string text, long most) =>
        Parse(text) is var size && size <= most ? size : throw new UsageException($"'{text}' is too large: at most {most} bytes are possible here.");
}
