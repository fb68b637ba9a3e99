using System;
using System.Globalization;

namespace CloudImage.Sdk.Chunking;

/// <summary>The parameters of a chunker. They are recorded with the data, for the same parameters give the same cuts.</summary>
public sealed class ChunkingOptions
{
    private const string FixedName = "fixed-1";
    private const string MinCdcName = "mincdc4-1";

    /// <summary>Gets the algorithm.</summary>
    /// <value><see cref="ChunkingAlgorithm.Fixed"/> by default.</value>
    public ChunkingAlgorithm Algorithm { get; init; } = ChunkingAlgorithm.Fixed;

    /// <summary>Gets the least size of a chunk that no end of data and no zero extent cuts short.</summary>
    /// <value>Bytes. 256 KiB by default.</value>
    public int MinSize { get; init; } = 256 * 1024;

    /// <summary>Gets the greatest size of a chunk; for fixed chunks the same as <see cref="MinSize"/>.</summary>
    /// <value>Bytes. 256 KiB by default.</value>
    public int MaxSize { get; init; } = 256 * 1024;

    /// <summary>Gets the odd factor that hashes the bytes of the window.</summary>
    /// <value>Used by <see cref="ChunkingAlgorithm.MinCdc"/> alone. 0x915F77F5 by default.</value>
    /// <remarks>A secret factor hides cut points from a casual look and not from an attack.</remarks>
    public uint Multiplier { get; init; } = 0x915F77F5;

    /// <summary>Gets the number added to the product, which decides what constant data hashes to.</summary>
    /// <value>Used by <see cref="ChunkingAlgorithm.MinCdc"/> alone. 0x9E3779B9 by default.</value>
    public uint Addend { get; init; } = 0x9E3779B9;

    /// <summary>Makes options for chunks of one size.</summary>
    /// <param name="size">Bytes, 512 to 16 MiB.</param>
    /// <returns>The options.</returns>
    public static ChunkingOptions CreateFixed(int size) => new() { MinSize = size, MaxSize = size };

    /// <summary>Makes options for MinCDC with sizes of half to one and a half times a mean.</summary>
    /// <param name="meanSize">The mean size in bytes over random data, 1 KiB to 8 MiB.</param>
    /// <returns>The options.</returns>
    public static ChunkingOptions CreateMinCdc(int meanSize) => new()
    {
        Algorithm = ChunkingAlgorithm.MinCdc,
        MinSize = meanSize / 2,
        MaxSize = meanSize + (meanSize / 2),
    };

    /// <summary>Reads options from the text that <see cref="ToString"/> gives.</summary>
    /// <param name="text">The text.</param>
    /// <returns>The options.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="text"/> is null.</exception>
    /// <exception cref="FormatException"><paramref name="text"/> names no chunker of this version.</exception>
    public static ChunkingOptions Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Split(':');
        ChunkingOptions? options = parts[0] switch
        {
            FixedName when parts.Length == 2 && TryParse(parts[1], out int size) => CreateFixed(size),
            MinCdcName when parts.Length == 5 && TryParse(parts[1], out int min) && TryParse(parts[2], out int max)
                && TryParseHex(parts[3], out uint multiplier) && TryParseHex(parts[4], out uint addend) =>
                new()
                {
                    Algorithm = ChunkingAlgorithm.MinCdc,
                    MinSize = min,
                    MaxSize = max,
                    Multiplier = multiplier,
                    Addend = addend,
                },
            _ => null,
        };
        return options ?? throw new FormatException($"\"{text}\" names no chunker of this version.");
    }

    /// <summary>Gives the text that is recorded with the data.</summary>
    /// <returns>The algorithm with its version, then its parameters, parted by colons.</returns>
    public override string ToString() => Algorithm switch
    {
        ChunkingAlgorithm.Fixed => string.Create(CultureInfo.InvariantCulture, $"{FixedName}:{MinSize}"),
        ChunkingAlgorithm.MinCdc => string.Create(
            CultureInfo.InvariantCulture, $"{MinCdcName}:{MinSize}:{MaxSize}:{Multiplier:x8}:{Addend:x8}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{Algorithm}"),
    };

    private static bool TryParse(string text, out int value) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);

    private static bool TryParseHex(string text, out uint value) =>
        uint.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
}
