using System;
using K4os.Compression.LZ4;

namespace CloudImage.Sdk.Compression;

/// <summary>One LZ4 block.</summary>
internal static class Lz4Block
{
    /// <summary>Compresses into at most the destination's length.</summary>
    /// <returns>The length, or zero where it does not fit.</returns>
    internal static int Compress(ReadOnlySpan<byte> plain, Span<byte> destination) => Lz4Encoder.Encode(plain, destination);

    internal static bool TryDecompress(ReadOnlySpan<byte> coded, Span<byte> plain) =>
        !coded.IsEmpty && LZ4Codec.Decode(coded, plain) == plain.Length;
}
