using System;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace CloudImage.Sdk.Compression;

/// <summary>The checksum of zlib streams (RFC 1950): two sums modulo 65521.</summary>
internal static class Adler32
{
    private const uint Modulus = 65521;

    // As many bytes as the sums take before they could pass 32 bits.
    private const int MaxRun = 5552;

    public static uint Compute(ReadOnlySpan<byte> bytes)
    {
        uint low = 1;
        uint high = 0;
        while (!bytes.IsEmpty)
        {
            ReadOnlySpan<byte> run = bytes[..Math.Min(bytes.Length, MaxRun)];
            bytes = bytes[run.Length..];
            if (Vector128.IsHardwareAccelerated)
            {
                run = AddVectors(run, ref low, ref high);
            }

            foreach (byte value in run)
            {
                low += value;
                high += low;
            }

            low %= Modulus;
            high %= Modulus;
        }

        return (high << 16) | low;
    }

    // Sixteen bytes a step. The high sum takes the low one sixteen times, and each byte as often as it has followers in
    // the step, itself included: 16 for the first to 1 for the last. Equals the scalar line "low += value; high += low".
    private static ReadOnlySpan<byte> AddVectors(ReadOnlySpan<byte> run, scoped ref uint low, scoped ref uint high)
    {
        ReadOnlySpan<Vector128<byte>> vectors = MemoryMarshal.Cast<byte, Vector128<byte>>(run);
        Vector128<uint> lowSums = Vector128<uint>.Zero;
        Vector128<uint> earlierLowSums = Vector128<uint>.Zero;
        Vector128<uint> weighted = Vector128<uint>.Zero;
        Vector128<ushort> firstWeights = Vector128.Create((ushort)16, 15, 14, 13, 12, 11, 10, 9);
        Vector128<ushort> lastWeights = Vector128.Create((ushort)8, 7, 6, 5, 4, 3, 2, 1);
        foreach (Vector128<byte> vector in vectors)
        {
            earlierLowSums += lowSums;
            (Vector128<ushort> first, Vector128<ushort> last) = Vector128.Widen(vector);
            (Vector128<uint> firstSum, Vector128<uint> lastSum) = Vector128.Widen(first + last);
            lowSums += firstSum + lastSum;
            (firstSum, lastSum) = Vector128.Widen((first * firstWeights) + (last * lastWeights));
            weighted += firstSum + lastSum;
        }

        high += (low * 16 * (uint)vectors.Length) + (Vector128.Sum(earlierLowSums) * 16) + Vector128.Sum(weighted);
        low += Vector128.Sum(lowSums);
        return run[(vectors.Length * 16)..];
    }
}
