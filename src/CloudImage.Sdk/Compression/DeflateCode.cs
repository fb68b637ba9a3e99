using System;

namespace CloudImage.Sdk.Compression;

/// <summary>A Huffman code whose words have a limited length (RFC 1951, 3.2.2).</summary>
internal sealed class DeflateCode
{
    private readonly int _maxBits;
    private readonly byte[] _lengths;
    private readonly uint[] _entries;
    private readonly uint[] _sorted;
    private readonly uint[] _weights;
    private readonly ushort[] _parents;
    private readonly int[] _buckets = new int[256];

    public DeflateCode(int symbols, int maxBits)
    {
        _maxBits = maxBits;
        _lengths = new byte[symbols];
        _entries = new uint[symbols];
        _sorted = new uint[symbols];
        _weights = new uint[2 * symbols];
        _parents = new ushort[2 * symbols];
    }

    /// <summary>Length of each symbol's word; 0 where it has none.</summary>
    public ReadOnlySpan<byte> Lengths => _lengths;

    /// <summary>Each symbol's word, its first bit lowest, above the 5 bits of its length.</summary>
    public uint[] Entries => _entries;

    /// <summary>Makes the best code for symbols that occur so often. At least two symbols get a word.</summary>
    public void Build(ReadOnlySpan<uint> counts)
    {
        int used = Sort(counts);
        _lengths.AsSpan().Clear();
        if (used < 2)
        {
            // Decoders want a complete code: the symbols 0 and 1 stand in for those that are missing.
            int only = used == 0 ? 0 : (int)(_sorted[0] & 0x1FF);
            _lengths[only] = 1;
            _lengths[only == 0 ? 1 : 0] = 1;
        }
        else
        {
            Span<int> lengthCounts = stackalloc int[64];
            CountLengths(used, lengthCounts);
            int next = 0;
            for (int bits = _maxBits; bits > 0; bits--)
            {
                for (int i = 0; i < lengthCounts[bits]; i++)
                {
                    _lengths[_sorted[next++] & 0x1FF] = (byte)bits;
                }
            }
        }

        AssignWords();
    }

    /// <summary>Takes a code as it is.</summary>
    public void Use(ReadOnlySpan<byte> lengths)
    {
        lengths.CopyTo(_lengths);
        AssignWords();
    }

    /// <summary>Bits that symbols take which occur so often.</summary>
    public long Cost(ReadOnlySpan<uint> counts)
    {
        long bits = 0;
        ReadOnlySpan<byte> lengths = _lengths.AsSpan(0, counts.Length);
        for (int i = 0; i < counts.Length; i++)
        {
            bits += counts[i] * (long)lengths[i];
        }

        return bits;
    }

    /// <summary>Sorts the symbols that occur by how often, the rarest first: count above the 9 bits of the symbol.</summary>
    private int Sort(ReadOnlySpan<uint> counts)
    {
        Span<int> buckets = _buckets;
        buckets.Clear();
        foreach (uint count in counts)
        {
            buckets[(int)Math.Min(count, 255)]++;
        }

        int start = 0;
        for (int i = 1; i < buckets.Length; i++)
        {
            int size = buckets[i];
            buckets[i] = start;
            start += size;
        }

        int lastBucket = buckets[255];
        for (int symbol = 0; symbol < counts.Length; symbol++)
        {
            if (counts[symbol] > 0)
            {
                _sorted[buckets[(int)Math.Min(counts[symbol], 255)]++] = (counts[symbol] << 9) | (uint)symbol;
            }
        }

        // Only those that occur often share a bucket without being equal.
        _sorted.AsSpan(lastBucket, start - lastBucket).Sort();
        return start;
    }

    /// <summary>Counts how many words of each length the best code has, and bends it to the longest length allowed.</summary>
    private void CountLengths(int used, Span<int> lengthCounts)
    {
        int nodes = BuildTree(used);
        Span<uint> depths = _weights;
        depths[nodes - 1] = 0;
        for (int node = nodes - 2; node >= 0; node--)
        {
            depths[node] = depths[_parents[node]] + 1;
            if (node < used)
            {
                lengthCounts[(int)Math.Min(depths[node], (uint)_maxBits)]++;
            }
        }

        // Kraft's sum in units of the longest word; each step lets a longest word take the place beside a shorter one.
        int sum = 0;
        for (int bits = 1; bits <= _maxBits; bits++)
        {
            sum += lengthCounts[bits] << (_maxBits - bits);
        }

        while (sum > 1 << _maxBits)
        {
            int bits = _maxBits - 1;
            while (lengthCounts[bits] == 0)
            {
                bits--;
            }

            lengthCounts[bits]--;
            lengthCounts[bits + 1] += 2;
            lengthCounts[_maxBits]--;
            sum--;
        }
    }

    /// <summary>Joins the two lightest nodes again and again: leaves in order of weight, joined ones in the order of their making.</summary>
    private int BuildTree(int used)
    {
        Span<uint> weights = _weights;
        for (int i = 0; i < used; i++)
        {
            weights[i] = _sorted[i] >> 9;
        }

        int leaf = 0;
        int joined = used;
        int node = used;
        for (; node < (2 * used) - 1; node++)
        {
            uint weight = 0;
            for (int child = 0; child < 2; child++)
            {
                int lightest = leaf < used && (joined == node || weights[leaf] <= weights[joined]) ? leaf++ : joined++;
                weight += weights[lightest];
                _parents[lightest] = (ushort)node;
            }

            weights[node] = weight;
        }

        return node;
    }

    private void AssignWords()
    {
        Span<int> next = stackalloc int[16];
        next.Clear();
        foreach (byte length in _lengths)
        {
            next[length]++;
        }

        int word = 0;
        next[0] = 0;
        for (int bits = 1; bits < 16; bits++)
        {
            int count = next[bits];
            next[bits] = word;
            word = (word + count) << 1;
        }

        for (int symbol = 0; symbol < _lengths.Length; symbol++)
        {
            int length = _lengths[symbol];
            _entries[symbol] = length == 0 ? 0 : (Reverse(next[length]++, length) << 5) | (uint)length;
        }
    }

    private static uint Reverse(int word, int bits)
    {
        uint value = (uint)word;
        value = ((value & 0x5555) << 1) | ((value >> 1) & 0x5555);
        value = ((value & 0x3333) << 2) | ((value >> 2) & 0x3333);
        value = ((value & 0x0F0F) << 4) | ((value >> 4) & 0x0F0F);
        value = ((value & 0x00FF) << 8) | (value >> 8);
        return value >> (16 - bits);
    }
}
