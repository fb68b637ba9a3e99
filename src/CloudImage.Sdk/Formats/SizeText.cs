using System;
using System.Globalization;

namespace CloudImage.Sdk.Formats;

/// <summary>Sizes in the settings of formats: a number of bytes, or one with K, M or G behind it, as qemu-img takes them.</summary>
internal static class SizeText
{
    /// <summary>Reads a size of less than 2 GiB.</summary>
    /// <returns>Whether the text is one.</returns>
    public static bool TryParse(string text, out int sizeInBytes)
    {
        int shift = text.Length == 0 ? 0 : char.ToUpperInvariant(text[^1]) switch { 'K' => 10, 'M' => 20, 'G' => 30, _ => 0 };
        ReadOnlySpan<char> digits = shift == 0 ? text : text.AsSpan(0, text.Length - 1);
        bool isSize = long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long number) && number <= int.MaxValue >> shift;
        sizeInBytes = isSize ? (int)(number << shift) : 0;
        return isSize;
    }
}
