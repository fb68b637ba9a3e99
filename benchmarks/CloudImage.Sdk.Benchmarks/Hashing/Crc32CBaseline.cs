using System;
using System.Numerics;
using System.Runtime.InteropServices;

namespace CloudImage.Sdk.Benchmarks.Hashing;

/// <summary>CRC-32C by the processor's instruction alone, eight bytes after eight.</summary>
internal static class Crc32CBaseline
{
    public static uint HashToUInt32(ReadOnlySpan<byte> source)
    {
        uint crc = uint.MaxValue;
        foreach (ulong word in MemoryMarshal.Cast<byte, ulong>(source))
        {
            crc = BitOperations.Crc32C(crc, word);
        }

        foreach (byte value in source[(source.Length & ~7)..])
        {
            crc = BitOperations.Crc32C(crc, value);
        }

        return ~crc;
    }
}
