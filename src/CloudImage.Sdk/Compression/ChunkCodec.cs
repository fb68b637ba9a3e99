using System;

namespace CloudImage.Sdk.Compression;

/// <summary>How chunks are compressed: not at all, with LZ4, or with zstd at a level.</summary>
/// <remarks>Immutable; may be used by several threads at once. A chunk that does not become smaller is stored as it is, whatever the codec.</remarks>
public sealed class ChunkCodec
{
    /// <summary>The lowest level of zstd.</summary>
    public const int MinimumZstdLevel = -7;

    /// <summary>The highest level of zstd.</summary>
    public const int MaximumZstdLevel = 19;

    /// <summary>Below this many bytes a probe costs more than it saves.</summary>
    private const int MinimumProbedLength = 32 * 1024;

    private readonly ZstdContexts? _zstd;

    private ChunkCodec(ChunkCodecId id, int level, ZstdContexts? zstd)
    {
        Id = id;
        Level = level;
        _zstd = zstd;
    }

    /// <summary>No compression.</summary>
    public static ChunkCodec Stored { get; } = new(ChunkCodecId.Stored, 0, null);

    /// <summary>LZ4 at its fastest level.</summary>
    public static ChunkCodec Lz4 { get; } = new(ChunkCodecId.Lz4, 0, null);

    /// <summary>zstd at level 3.</summary>
    public static ChunkCodec Zstd { get; } = WithZstdLevel(3);

    /// <summary>The coding of a chunk that this codec compresses.</summary>
    public ChunkCodecId Id { get; }

    /// <summary>The level of zstd; zero for the others.</summary>
    public int Level { get; }

    /// <summary>zstd at a level.</summary>
    /// <param name="level">From <see cref="MinimumZstdLevel"/>, the fastest, to <see cref="MaximumZstdLevel"/>, the smallest.</param>
    /// <returns>The codec.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such level.</exception>
    public static ChunkCodec WithZstdLevel(int level)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(level, MinimumZstdLevel);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(level, MaximumZstdLevel);
        return new ChunkCodec(ChunkCodecId.Zstd, level, ZstdContexts.ForLevel(level));
    }

    /// <summary>The name and, for zstd, the level.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => Id switch
    {
        ChunkCodecId.Stored => "none",
        ChunkCodecId.Lz4 => "lz4",
        _ => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"zstd:{Level}"),
    };

    /// <summary>Compresses a chunk, or copies it where that would not make it smaller.</summary>
    /// <param name="plain">The chunk.</param>
    /// <param name="destination">Receives the coded chunk; at least as long as the chunk, apart from it in memory.</param>
    /// <param name="codec">How it was coded.</param>
    /// <returns>The length of the coded chunk, at most that of the chunk.</returns>
    internal int Compress(ReadOnlySpan<byte> plain, Span<byte> destination, out ChunkCodecId codec)
    {
        if (TryCompress(plain, destination, out int length))
        {
            codec = Id;
            return length;
        }

        plain.CopyTo(destination);
        codec = ChunkCodecId.Stored;
        return plain.Length;
    }

    /// <summary>Compresses a chunk, unless that would not make it smaller.</summary>
    /// <param name="plain">The chunk.</param>
    /// <param name="destination">Receives the coded chunk; at least as long as the chunk, apart from it in memory.</param>
    /// <param name="length">The length of the coded chunk.</param>
    /// <returns>Whether it became smaller; if not, the destination's content is unspecified.</returns>
    internal bool TryCompress(ReadOnlySpan<byte> plain, Span<byte> destination, out int length)
    {
        // To be worth the time of every later reader it has to save at least a 64th.
        int limit = plain.Length - Math.Max(1, plain.Length / 64);
        length = Id == ChunkCodecId.Stored || limit <= 0 ? 0 : CompressWithin(plain, destination[..limit]);
        return length > 0;
    }

    /// <summary>Decodes a chunk whose plain length is known.</summary>
    /// <param name="codec">How it was coded.</param>
    /// <param name="coded">The coded chunk, not trusted.</param>
    /// <param name="plain">Receives the chunk; exactly as long as it. Its content is unspecified after a failure.</param>
    /// <returns>Whether the coded chunk is whole and has exactly this plain length.</returns>
    internal static bool TryDecompress(ChunkCodecId codec, ReadOnlySpan<byte> coded, Span<byte> plain)
    {
        switch (codec)
        {
            case ChunkCodecId.Stored:
                if (coded.Length != plain.Length)
                {
                    return false;
                }

                coded.CopyTo(plain);
                return true;
            case ChunkCodecId.Lz4:
                return Lz4Block.TryDecompress(coded, plain);
            case ChunkCodecId.Zstd:
                return ZstdContexts.TryDecompress(coded, plain);
            default:
                return false;
        }
    }

    /// <summary>Decodes a chunk whose plain length is known.</summary>
    /// <param name="codec">How it was coded.</param>
    /// <param name="coded">The coded chunk, not trusted.</param>
    /// <param name="plain">Receives the chunk; exactly as long as it.</param>
    /// <exception cref="ChunkCodecException">The coded chunk is not whole, or would be longer or shorter.</exception>
    internal static void Decompress(ChunkCodecId codec, ReadOnlySpan<byte> coded, Span<byte> plain)
    {
        if (!TryDecompress(codec, coded, plain))
        {
            throw new ChunkCodecException($"{coded.Length} bytes of codec {codec} do not decode to exactly {plain.Length} bytes.");
        }
    }

    private int CompressWithin(ReadOnlySpan<byte> plain, Span<byte> destination)
    {
        if (Id == ChunkCodecId.Lz4)
        {
            return Lz4Block.Compress(plain, destination);
        }

        return plain.Length >= MinimumProbedLength && CompressionProbe.IsHopeless(plain) ? 0 : _zstd!.Compress(plain, destination);
    }
}
