using System;
using System.Buffers;

namespace CloudImage.Sdk.Compression;

/// <summary>Tells from samples that content is already compressed or encrypted, so that a slow codec need not try.</summary>
/// <remarks>
/// Both halves of a compressor have to fail: LZ4 finds no repeats in the samples, and the entropy of single bytes is that
/// of noise. Where it is wrong, a chunk that would have shrunk a little is stored as it is.
/// </remarks>
internal static class CompressionProbe
{
    private const int SampleCount = 4;
    private const int SampleLength = 4096;

    /// <summary>Bits a byte, in the mean over the samples; noise of 16 KiB has 7.989, and text under 6.</summary>
    private const double NoiseInBits = 7.95;

    internal static bool IsHopeless(ReadOnlySpan<byte> plain)
    {
        Span<int> counts = stackalloc int[256];
        counts.Clear();
        int stride = (plain.Length - SampleLength) / (SampleCount - 1);
        byte[] samples = ArrayPool<byte>.Shared.Rent(SampleCount * SampleLength);
        byte[] coded = ArrayPool<byte>.Shared.Rent(SampleCount * SampleLength);
        try
        {
            for (int index = 0; index < SampleCount; index++)
            {
                plain.Slice(index * stride, SampleLength).CopyTo(samples.AsSpan(index * SampleLength));
            }

            ReadOnlySpan<byte> sample = samples.AsSpan(0, SampleCount * SampleLength);
            foreach (byte value in sample)
            {
                counts[value]++;
            }

            return GetEntropyInBits(counts, sample.Length) >= NoiseInBits
                && Lz4Block.Compress(sample, coded.AsSpan(0, sample.Length - (sample.Length / 64))) == 0;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(samples);
            ArrayPool<byte>.Shared.Return(coded);
        }
    }

    private static double GetEntropyInBits(ReadOnlySpan<int> counts, int total)
    {
        double bits = 0;
        foreach (int count in counts)
        {
            if (count > 0)
            {
                bits -= count * Math.Log2((double)count / total);
            }
        }

        return bits / total;
    }
}
