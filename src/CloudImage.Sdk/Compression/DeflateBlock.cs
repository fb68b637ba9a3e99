using System;
using System.Runtime.CompilerServices;

namespace CloudImage.Sdk.Compression;

/// <summary>The symbols of one deflate block, and how it is written: with codes of its own, with the fixed ones, or stored.</summary>
internal sealed unsafe class DeflateBlock
{
    private const int EndOfBlock = 256;
    private const int MaxLiteralBits = 14;
    private const int MaxDistanceBits = 15;
    private const int MinSplitLength = 5000;
    private const int ObservationStep = 512;
    private const int ObservationKinds = 10;

    // Runs of literals and the match behind each: count, then length in the upper and distance in the lower half.
    private readonly int[] _literalRuns = new int[DeflateEncoder.MaxLength / 3 + 2];
    private readonly uint[] _matches = new uint[DeflateEncoder.MaxLength / 3 + 2];
    private readonly uint[] _literalCounts = new uint[DeflateTables.LiteralSymbols];
    private readonly uint[] _distanceCounts = new uint[DeflateTables.DistanceSymbols];
    private readonly uint[] _seen = new uint[ObservationKinds];
    private readonly uint[] _fresh = new uint[ObservationKinds];
    private readonly DeflateCode _literals = new(DeflateTables.LiteralSymbols, MaxLiteralBits);
    private readonly DeflateCode _distances = new(DeflateTables.DistanceSymbols, MaxDistanceBits);
    private readonly DeflateCodeLengths _lengths = new();
    private int _start;
    private int _count;
    private int _literalRun;
    private uint _seenCount;
    private uint _freshCount;

    /// <summary>Empties the block.</summary>
    public void Begin(int position)
    {
        _start = position;
        _count = 0;
        _literalRun = 0;
        _seenCount = 0;
        _freshCount = 0;
        _literalCounts.AsSpan().Clear();
        _distanceCounts.AsSpan().Clear();
        _seen.AsSpan().Clear();
        _fresh.AsSpan().Clear();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddLiteral(byte value)
    {
        _literalCounts[value]++;
        _fresh[value >> 5]++;
        _freshCount++;
        _literalRun++;
    }

    public void AddLiterals(byte* values, int count)
    {
        for (int i = 0; i < count; i++)
        {
            AddLiteral(values[i]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddMatch(int length, int distance)
    {
        _literalRuns[_count] = _literalRun;
        _matches[_count++] = ((uint)length << 16) | (uint)distance;
        _literalRun = 0;
        _literalCounts[257 + DeflateTables.LengthSlots[length]]++;
        _distanceCounts[DeflateTables.DistanceSlot(distance)]++;
        _fresh[length >= 9 ? 9 : 8]++;
        _freshCount++;
    }

    /// <summary>Whether what came last differs so much from the block before it that new codes pay.</summary>
    public bool IsFull(int position, int length)
    {
        if (_freshCount < ObservationStep || position - _start < MinSplitLength || length - position < MinSplitLength)
        {
            return false;
        }

        bool differs = _seenCount > 0 && Differs(position);
        for (int i = 0; i < ObservationKinds; i++)
        {
            _seen[i] += _fresh[i];
            _fresh[i] = 0;
        }

        _seenCount += _freshCount;
        _freshCount = 0;
        return differs;
    }

    /// <summary>Writes the block in its shortest form.</summary>
    /// <param name="input">The whole input.</param>
    /// <param name="end">Where the block ends in it.</param>
    /// <param name="isLast">Whether the stream ends with it.</param>
    /// <param name="writer">Takes the bits.</param>
    /// <returns>Whether it had room.</returns>
    public bool Write(byte* input, int end, bool isLast, ref DeflateBitWriter writer)
    {
        _literalCounts[EndOfBlock] = 1;
        _literals.Build(_literalCounts);
        _distances.Build(_distanceCounts);
        long extra = DeflateTables.ExtraBits(_literalCounts, _distanceCounts);
        long header = _lengths.Build(_literals.Lengths, _distances.Lengths);
        long dynamic = 3 + header + extra + _literals.Cost(_literalCounts) + _distances.Cost(_distanceCounts);
        long isFixed = 3 + extra + DeflateTables.FixedLiterals.Cost(_literalCounts) + DeflateTables.FixedDistances.Cost(_distanceCounts);
        int length = end - _start;
        long stored = StoredBits(length, writer.BitsInByte);
        if (!writer.HasRoom(Math.Min(stored, Math.Min(dynamic, isFixed)) + 64))
        {
            return false;
        }

        if (stored <= dynamic && stored <= isFixed)
        {
            WriteStored(input + _start, length, isLast, ref writer);
            return true;
        }

        writer.Add((isLast ? 1u : 0) | (isFixed <= dynamic ? 2u : 4u), 3);
        if (isFixed <= dynamic)
        {
            WriteSymbols(input + _start, DeflateTables.FixedLiterals, DeflateTables.FixedDistances, ref writer);
        }
        else
        {
            _lengths.Write(ref writer);
            WriteSymbols(input + _start, _literals, _distances, ref writer);
        }

        return true;
    }

    private bool Differs(int position)
    {
        ulong difference = 0;
        for (int i = 0; i < ObservationKinds; i++)
        {
            ulong expected = (ulong)_seen[i] * _freshCount;
            ulong actual = (ulong)_fresh[i] * _seenCount;
            difference += expected > actual ? expected - actual : actual - expected;
        }

        // Four tenths of the new symbols are of other kinds; less is enough where the block is long already.
        ulong length = (ulong)(position - _start);
        return difference + (length / 4096 * _seenCount) >= (ulong)_freshCount * 2 / 5 * _seenCount;
    }

    private static long StoredBits(int length, int bitsInByte)
    {
        int parts = Math.Max(1, (length + ushort.MaxValue - 1) / ushort.MaxValue);
        return (8 * length) + (parts * (3L + 7 + 32)) - bitsInByte;
    }

    private static void WriteStored(byte* source, int length, bool isLast, ref DeflateBitWriter writer)
    {
        do
        {
            int count = Math.Min(length, ushort.MaxValue);
            writer.Add(isLast && count == length ? 1u : 0, 3);
            writer.Align();
            writer.Add((uint)count | ((uint)~count << 16), 32);
            writer.Flush();
            writer.Copy(source, count);
            source += count;
            length -= count;
        }
        while (length > 0);
    }

    private void WriteSymbols(byte* input, DeflateCode literals, DeflateCode distances, ref DeflateBitWriter target)
    {
        // A copy of its own stays in registers.
        DeflateBitWriter writer = target;
        writer.Flush();
        fixed (uint* literalCodes = literals.Entries, distanceCodes = distances.Entries)
        {
            for (int i = 0; i < _count; i++)
            {
                input = WriteLiterals(input, _literalRuns[i], literalCodes, ref writer);
                int length = (int)(_matches[i] >> 16);
                int distance = (int)(_matches[i] & 0xFFFF);
                int slot = DeflateTables.LengthSlots[length];
                uint code = literalCodes[257 + slot];
                writer.Add(code >> 5, (int)(code & 31));
                writer.Add((uint)(length - DeflateTables.LengthBases[slot]), DeflateTables.LengthExtra[slot]);
                slot = DeflateTables.DistanceSlot(distance);
                code = distanceCodes[slot];
                writer.Add(code >> 5, (int)(code & 31));
                writer.Add((uint)(distance - DeflateTables.DistanceBases[slot]), DeflateTables.DistanceExtra[slot]);
                writer.Flush();
                input += length;
            }

            WriteLiterals(input, _literalRun, literalCodes, ref writer);
            writer.Add(literalCodes[EndOfBlock] >> 5, (int)(literalCodes[EndOfBlock] & 31));
            writer.Flush();
        }

        target = writer;
    }

    // Four codes of at most 14 bits and the 7 that may wait fit into the 64 bits of the writer.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* WriteLiterals(byte* input, int count, uint* codes, ref DeflateBitWriter writer)
    {
        byte* end = input + count;
        for (; end - input >= 4; input += 4)
        {
            uint first = codes[input[0]];
            uint second = codes[input[1]];
            uint third = codes[input[2]];
            uint fourth = codes[input[3]];
            writer.Add(first >> 5, (int)(first & 31));
            writer.Add(second >> 5, (int)(second & 31));
            writer.Add(third >> 5, (int)(third & 31));
            writer.Add(fourth >> 5, (int)(fourth & 31));
            writer.Flush();
        }

        for (; input < end; input++)
        {
            uint code = codes[*input];
            writer.Add(code >> 5, (int)(code & 31));
        }

        writer.Flush();
        return input;
    }
}
