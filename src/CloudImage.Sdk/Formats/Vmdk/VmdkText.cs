using System;
using System.Text;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>How the bytes of a descriptor become text: names of files come in the code page of the machine that wrote them.</summary>
internal static class VmdkText
{
    private static readonly UTF8Encoding s_strictUtf8 = new(false, true);

    /// <summary>The encoding that a descriptor declares, or UTF-8 where that is valid, or Latin-1.</summary>
    public static Encoding EncodingOf(ReadOnlySpan<byte> bytes)
    {
        string? declared = Declared(bytes);
        if (declared is not null && !declared.Equals("UTF-8", StringComparison.OrdinalIgnoreCase) && Find(declared) is { } encoding)
        {
            return encoding;
        }

        return IsUtf8(bytes) ? s_strictUtf8 : Encoding.Latin1;
    }

    public static bool HasControlCharacter(string text)
    {
        foreach (char character in text)
        {
            if (char.IsControl(character) && character != '\t')
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Untrusted text, short enough for a message.</summary>
    public static string Shorten(string text) => text.Length <= 120 ? text : string.Concat(text.AsSpan(0, 117), "...");

    private static bool IsUtf8(ReadOnlySpan<byte> bytes) => System.Text.Unicode.Utf8.IsValid(bytes);

    private static string? Declared(ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<byte> key = "encoding"u8;
        int at = bytes.IndexOf(key);
        if (at < 0 || (at > 0 && bytes[at - 1] != (byte)'\n'))
        {
            return null;
        }

        ReadOnlySpan<byte> line = bytes[(at + key.Length)..];
        int end = line.IndexOfAny((byte)'\n', (byte)'\r');
        line = (end < 0 ? line : line[..end]).Trim(" \t="u8).Trim("\""u8);
        return line.Length is > 0 and < 40 ? Encoding.Latin1.GetString(line) : null;
    }

    private static Encoding? Find(string name) => CodePagesEncodingProvider.Instance.GetEncoding(name);
}
