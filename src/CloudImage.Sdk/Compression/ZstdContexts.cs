using System;
using System.Collections.Concurrent;
using System.Threading;
using ZstdSharp;

namespace CloudImage.Sdk.Compression;

/// <summary>Contexts of zstd for one level, and those for decoding: kept for reuse, as each holds megabytes of tables.</summary>
internal sealed class ZstdContexts
{
    private static readonly ConcurrentDictionary<int, ZstdContexts> s_byLevel = new();
    private static readonly ConcurrentBag<Decompressor> s_decompressors = [];
    private static int s_keptDecompressors;

    private readonly int _level;
    private readonly ConcurrentBag<Compressor> _compressors = [];
    private int _kept;

    private ZstdContexts(int level) => _level = level;

    private static int MaximumKept => Environment.ProcessorCount;

    internal static ZstdContexts ForLevel(int level) => s_byLevel.GetOrAdd(level, static level => new ZstdContexts(level));

    /// <summary>Compresses into at most the destination's length.</summary>
    /// <returns>The length, or zero where it does not fit.</returns>
    internal int Compress(ReadOnlySpan<byte> plain, Span<byte> destination)
    {
        if (_compressors.TryTake(out Compressor? compressor))
        {
            Interlocked.Decrement(ref _kept);
        }
        else
        {
            compressor = new Compressor(_level);
        }

        try
        {
            return compressor.TryWrap(plain, destination, out int length) ? length : 0;
        }
        finally
        {
            if (Interlocked.Increment(ref _kept) <= MaximumKept)
            {
                _compressors.Add(compressor);
            }
            else
            {
                Interlocked.Decrement(ref _kept);
                compressor.Dispose();
            }
        }
    }

    internal static bool TryDecompress(ReadOnlySpan<byte> coded, Span<byte> plain)
    {
        if (s_decompressors.TryTake(out Decompressor? decompressor))
        {
            Interlocked.Decrement(ref s_keptDecompressors);
        }
        else
        {
            decompressor = new Decompressor();
        }

        try
        {
            return decompressor.TryUnwrap(coded, plain, out int length) && length == plain.Length;
        }
        catch (ZstdException)
        {
            // Says that the frame is damaged, in words about the decoder's insides; the caller names the place.
            return false;
        }
        finally
        {
            if (Interlocked.Increment(ref s_keptDecompressors) <= MaximumKept)
            {
                s_decompressors.Add(decompressor);
            }
            else
            {
                Interlocked.Decrement(ref s_keptDecompressors);
                decompressor.Dispose();
            }
        }
    }
}
