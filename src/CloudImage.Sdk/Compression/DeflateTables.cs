using System;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace CloudImage.Sdk.Compression;

/// <summary>The fixed numbers of deflate (RFC 1951, 3.2.5 and 3.2.6).</summary>
internal static class DeflateTables
{
    public const int LiteralSymbols = 288;
    public const int DistanceSymbols = 32;

    /// <summary>Slot of every match length.</summary>
    public static readonly byte[] LengthSlots = new byte[259];

    public static readonly ushort[] LengthBases = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];

    public static readonly byte[] LengthExtra = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];

    public static readonly ushort[] DistanceBases = new ushort[30];

    public static readonly byte[] DistanceExtra = new byte[30];

    public static readonly DeflateCode FixedLiterals = new(LiteralSymbols, 14);

    public static readonly DeflateCode FixedDistances = new(DistanceSymbols, 15);

    static DeflateTables()
    {
        for (int slot = 0; slot < LengthBases.Length; slot++)
        {
            int end = slot + 1 < LengthBases.Length ? LengthBases[slot + 1] : 259;
            LengthSlots.AsSpan(LengthBases[slot], end - LengthBases[slot]).Fill((byte)slot);
        }

        int start = 1;
        for (int slot = 0; slot < 30; slot++)
        {
            DistanceBases[slot] = (ushort)start;
            DistanceExtra[slot] = (byte)Math.Max(0, (slot / 2) - 1);
            start += 1 << DistanceExtra[slot];
        }

        byte[] lengths = new byte[LiteralSymbols];
        lengths.AsSpan(0, 144).Fill(8);
        lengths.AsSpan(144, 112).Fill(9);
        lengths.AsSpan(256, 24).Fill(7);
        lengths.AsSpan(280, 8).Fill(8);
        FixedLiterals.Use(lengths);
        lengths = new byte[DistanceSymbols];
        lengths.AsSpan().Fill(5);
        FixedDistances.Use(lengths);
    }

    /// <summary>Slot of a distance from 1 to 32768: two slots for every power of two.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int DistanceSlot(int distance)
    {
        uint value = (uint)distance - 1;
        if (value < 4)
        {
            return (int)value;
        }

        int log = BitOperations.Log2(value);
        return (2 * log) + (int)((value >> (log - 1)) & 1);
    }

    /// <summary>Bits that all matches take besides their codes.</summary>
    public static long ExtraBits(ReadOnlySpan<uint> literalCounts, ReadOnlySpan<uint> distanceCounts)
    {
        long bits = 0;
        for (int slot = 8; slot < LengthExtra.Length; slot++)
        {
            bits += literalCounts[257 + slot] * (long)LengthExtra[slot];
        }

        for (int slot = 4; slot < DistanceExtra.Length; slot++)
        {
            bits += distanceCounts[slot] * (long)DistanceExtra[slot];
        }

        return bits;
    }
}
