using System;
using System.Collections.Generic;
using System.Text;
using CloudImage.Sdk.Chunking;

namespace CloudImage.Sdk.Tests.Chunking;

/// <summary>Data of the kinds that chunkers meet, the same in every run.</summary>
internal static class ChunkingData
{
    public static IReadOnlyDictionary<string, byte[]> All { get; } = new Dictionary<string, byte[]>
    {
        ["random"] = Random(1, 1_500_000),
        ["zero"] = new byte[3_500_001],
        ["one-bit"] = OneBit(700_000, 300_007),
        ["period-2"] = Periodic(2, 400_000),
        ["period-61"] = Periodic(61, 400_000),
        ["period-257"] = Periodic(257, 400_000),
        ["ones"] = Filled(0xFF, 300_000),
        ["text"] = Text(600_000),
        ["low-entropy"] = LowEntropy(600_000),
        ["mixed"] = Mixed(),
        ["short"] = Random(2, 100),
        ["empty"] = [],
    };

    public static byte[] Random(int seed, int length)
    {
        // The generator is written out, so that no version of the runtime changes the golden lists.
        byte[] data = new byte[length];
        ulong state = (ulong)seed * 0x9E3779B97F4A7C15;
        for (int i = 0; i < length; i++)
        {
            state += 0x9E3779B97F4A7C15;
            ulong value = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9;
            value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
            data[i] = (byte)(value >> 56);
        }

        return data;
    }

    /// <summary>Cuts data offered in windows of the given sizes, in turn; null offers all at once.</summary>
    public static List<ChunkCut> CutAll(Chunker chunker, ReadOnlySpan<byte> data, Func<int>? step)
    {
        chunker.Reset();
        List<ChunkCut> cuts = [];
        int start = 0;
        int end = step is null ? data.Length : 0;
        while (start < data.Length)
        {
            if (chunker.TryCut(data[start..end], end == data.Length, out ChunkCut cut))
            {
                cuts.Add(cut);
                start += cut.Length;
                continue;
            }

            if (end - start > chunker.WindowSize)
            {
                throw new InvalidOperationException($"No cut in {end - start} bytes at {start}.");
            }

            end = Math.Min(data.Length, end + step!());
        }

        return cuts;
    }

    private static byte[] Filled(byte value, int length)
    {
        byte[] data = new byte[length];
        data.AsSpan().Fill(value);
        return data;
    }

    private static byte[] OneBit(int length, int position)
    {
        byte[] data = new byte[length];
        data[position] = 1;
        return data;
    }

    private static byte[] Periodic(int period, int length)
    {
        byte[] unit = Random(period, period);
        byte[] data = new byte[length];
        for (int i = 0; i < length; i++)
        {
            data[i] = unit[i % period];
        }

        return data;
    }

    private static byte[] Text(int length)
    {
        StringBuilder text = new();
        for (int line = 0; text.Length < length; line++)
        {
            text.Append("line ").Append(line).Append(" of a log that says ").Append(line * 7919 % 1000).Append('\n');
        }

        return Encoding.ASCII.GetBytes(text.ToString(0, length));
    }

    private static byte[] LowEntropy(int length)
    {
        byte[] data = Random(3, length);
        for (int i = 0; i < length; i++)
        {
            data[i] &= 1;
        }

        return data;
    }

    // Data and zero runs in turn: short ones, ones at the limit, long ones, and one that ends the data.
    private static byte[] Mixed()
    {
        byte[] data = Random(4, 4_000_000);
        int offset = 10_000;
        foreach (int zeros in (int[])[1, 4095, 4096, 65_535, 65_536, 65_537, 200_000, 1_048_576, 1_100_000])
        {
            data.AsSpan(offset, zeros).Clear();
            data[offset + zeros] = 1;
            offset += zeros + 50_000;
        }

        data.AsSpan(3_900_000).Clear();
        return data;
    }
}
