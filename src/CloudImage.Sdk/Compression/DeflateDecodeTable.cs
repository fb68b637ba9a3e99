using System;

namespace CloudImage.Sdk.Compression;

/// <summary>A table that answers a prefix code (RFC 1951, 3.2.2) by looking at its next bits; codes longer than the table's index go on in a part behind it.</summary>
/// <remarks>
/// An entry is: value (16 bits), flags (4), length of the code (4), bits to take in all, extra bits included (8). The
/// value is the literal, the base of a length or distance, or where the part for longer codes begins; that entry's
/// lower bits then say how many bits index it.
/// </remarks>
internal sealed class DeflateDecodeTable
{
    public const uint Literal = 0x8000;
    public const uint Subtable = 0x4000;
    public const uint End = 0x2000;
    public const uint Invalid = 0x1000;

    /// <summary>What is not a length or distance right away.</summary>
    public const uint Special = Subtable | End | Invalid;

    private const int MaxLength = 15;
    private readonly uint[] _symbols;
    private readonly byte[] _sorted;
    private readonly int[] _order;
    private readonly int _indexBits;

    /// <param name="symbols">What each symbol means: value, flags, and in the lowest bits the number of extra bits.</param>
    /// <param name="indexBits">How many bits index the table.</param>
    /// <param name="capacity">Room for entries, enough for the worst code.</param>
    public DeflateDecodeTable(uint[] symbols, int indexBits, int capacity)
    {
        _symbols = symbols;
        _indexBits = indexBits;
        _sorted = new byte[symbols.Length];
        _order = new int[symbols.Length];
        Entries = new uint[capacity];
    }

    /// <summary>The entries: the table, and the parts for longer codes behind it.</summary>
    public uint[] Entries { get; }

    /// <summary>Builds the table for the lengths of all symbols' codes.</summary>
    /// <param name="lengths">A length of 0 to 15 for each symbol; what is left out has none.</param>
    /// <param name="isOneEnough">Whether a code of one symbol alone, which is not complete, or of none, which cannot be used, will do.</param>
    /// <returns>False where no prefix code has these lengths.</returns>
    public bool TryBuild(ReadOnlySpan<byte> lengths, bool isOneEnough)
    {
        Span<int> counts = stackalloc int[MaxLength + 1];
        counts.Clear();
        foreach (byte length in lengths)
        {
            counts[length]++;
        }

        int max = MaxLength;
        while (max > 0 && counts[max] == 0)
        {
            max--;
        }

        int left = 1;
        for (int length = 1; length <= max; length++)
        {
            left = (left << 1) - counts[length];
            if (left < 0)
            {
                return false;
            }
        }

        if (left > 0 || max == 0)
        {
            if (max > 1 || !isOneEnough)
            {
                return false;
            }

            Entries.AsSpan(0, 1 << _indexBits).Fill(Invalid | 1);
        }

        Sort(lengths, counts);
        return Fill(counts, max);
    }

    // Symbols in the order of their codes: by length, then by number.
    private void Sort(ReadOnlySpan<byte> lengths, ReadOnlySpan<int> counts)
    {
        Span<int> places = stackalloc int[MaxLength + 2];
        places[1] = 0;
        for (int length = 1; length <= MaxLength; length++)
        {
            places[length + 1] = places[length] + counts[length];
        }

        for (int symbol = 0; symbol < lengths.Length; symbol++)
        {
            if (lengths[symbol] != 0)
            {
                int place = places[lengths[symbol]]++;
                _order[place] = symbol;
                _sorted[place] = lengths[symbol];
            }
        }
    }

    private bool Fill(Span<int> counts, int max)
    {
        uint[] entries = Entries;
        int count = 0;
        for (int length = 1; length <= max; length++)
        {
            count += counts[length];
        }

        uint code = 0;
        int previous = count > 0 ? _sorted[0] : 0;
        uint prefixMask = (1u << _indexBits) - 1;
        uint prefix = uint.MaxValue;
        int free = 1 << _indexBits;
        int start = 0;
        int bits = 0;
        for (int i = 0; i < count; i++)
        {
            int length = _sorted[i];
            code <<= length - previous;
            previous = length;
            uint reversed = Reverse(code, length);
            code++;
            uint symbol = _symbols[_order[i]];
            if (length <= _indexBits)
            {
                uint entry = Entry(symbol, length);
                for (uint at = reversed; at <= prefixMask; at += 1u << length)
                {
                    entries[at] = entry;
                }
            }
            else
            {
                if ((reversed & prefixMask) != prefix)
                {
                    prefix = reversed & prefixMask;
                    start = free;
                    bits = SubtableBits(counts, length, max);
                    free += 1 << bits;
                    if (free > entries.Length)
                    {
                        return false;
                    }

                    entries[prefix] = ((uint)start << 16) | Subtable | ((uint)bits << 8) | (uint)_indexBits;
                }

                uint entry = Entry(symbol, length - _indexBits);
                for (uint at = reversed >> _indexBits; at < 1u << bits; at += 1u << (length - _indexBits))
                {
                    entries[start + at] = entry;
                }
            }

            counts[length]--;
        }

        return true;
    }

    // The codes not yet placed that share the prefix are the next ones in order: as many as fill a part of this size.
    private int SubtableBits(ReadOnlySpan<int> counts, int length, int max)
    {
        int bits = length - _indexBits;
        int left = 1 << bits;
        while (bits + _indexBits < max)
        {
            left -= counts[bits + _indexBits];
            if (left <= 0)
            {
                break;
            }

            bits++;
            left <<= 1;
        }

        return bits;
    }

    // A symbol's lowest bits are its extra bits.
    private static uint Entry(uint symbol, int length) => (symbol & 0xFFFFF000) | ((uint)length << 8) | ((symbol & 0xFF) + (uint)length);

    private static uint Reverse(uint code, int length)
    {
        uint reversed = 0;
        for (int i = 0; i < length; i++)
        {
            reversed = (reversed << 1) | (code & 1);
            code >>= 1;
        }

        return reversed;
    }
}
