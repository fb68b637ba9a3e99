using System;

namespace CloudImage.Cli.Output;

/// <summary>A range of a disk as the command line writes it.</summary>
/// <param name="Offset">Where it begins, in bytes.</param>
/// <param name="Length">How many bytes it has.</param>
internal readonly record struct ByteRange(long Offset, long Length)
{
    /// <summary>How every command names it.</summary>
    public const string Form = "OFFSET:LENGTH";

    /// <summary>Reads two sizes with a colon between them: 0:512, 1M:64k.</summary>
    public static ByteRange Parse(string text)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        return colon > 0
            ? new ByteRange(ByteText.Parse(text[..colon]), ByteText.Parse(text[(colon + 1)..]))
            : throw new UsageException($"'{text}' is no range; write {Form}.");
    }
}
