using System;

namespace CloudImage.Sdk.Compression;

/// <summary>How a block tells its codes: the lengths of all words, with runs, in a code of their own (RFC 1951, 3.2.7).</summary>
internal sealed class DeflateCodeLengths
{
    private const int Symbols = 19;
    private readonly DeflateCode _code = new(Symbols, 7);
    private readonly byte[] _lengths = new byte[DeflateTables.LiteralSymbols + DeflateTables.DistanceSymbols];
    private readonly ushort[] _items = new ushort[DeflateTables.LiteralSymbols + DeflateTables.DistanceSymbols];
    private readonly uint[] _counts = new uint[Symbols];
    private int _itemCount;
    private int _literalCount;
    private int _distanceCount;
    private int _orderCount;

    private static ReadOnlySpan<byte> Order => [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

    /// <summary>Takes the lengths of two codes.</summary>
    /// <returns>How many bits telling them takes.</returns>
    public long Build(ReadOnlySpan<byte> literals, ReadOnlySpan<byte> distances)
    {
        _literalCount = Math.Max(257, literals[..286].LastIndexOfAnyExcept((byte)0) + 1);
        _distanceCount = Math.Max(1, distances[..30].LastIndexOfAnyExcept((byte)0) + 1);
        literals[.._literalCount].CopyTo(_lengths);
        distances[.._distanceCount].CopyTo(_lengths.AsSpan(_literalCount));
        FindRuns(_lengths.AsSpan(0, _literalCount + _distanceCount));
        _code.Build(_counts);
        _orderCount = Symbols;
        while (_orderCount > 4 && _code.Lengths[Order[_orderCount - 1]] == 0)
        {
            _orderCount--;
        }

        return 14 + (3 * _orderCount) + _code.Cost(_counts) + (2 * _counts[16]) + (3 * _counts[17]) + (7 * _counts[18]);
    }

    public void Write(ref DeflateBitWriter writer)
    {
        writer.Add((uint)(_literalCount - 257), 5);
        writer.Add((uint)(_distanceCount - 1), 5);
        writer.Add((uint)(_orderCount - 4), 4);
        writer.Flush();
        for (int i = 0; i < _orderCount; i++)
        {
            writer.Add(_code.Lengths[Order[i]], 3);
            writer.Flush();
        }

        for (int i = 0; i < _itemCount; i++)
        {
            int symbol = _items[i] & 31;
            uint entry = _code.Entries[symbol];
            writer.Add(entry >> 5, (int)(entry & 31));
            writer.Add((uint)_items[i] >> 5, symbol switch { 16 => 2, 17 => 3, 18 => 7, _ => 0 });
            writer.Flush();
        }
    }

    private void FindRuns(ReadOnlySpan<byte> lengths)
    {
        _counts.AsSpan().Clear();
        _itemCount = 0;
        for (int i = 0; i < lengths.Length;)
        {
            byte length = lengths[i];
            int run = lengths[i..].IndexOfAnyExcept(length);
            run = run < 0 ? lengths.Length - i : run;
            i += run;
            if (length != 0)
            {
                Add(length, 0);
                run--;
            }

            while (run >= 3)
            {
                run -= AddRun(length, run);
            }

            for (; run > 0; run--)
            {
                Add(length, 0);
            }
        }
    }

    private int AddRun(byte length, int run)
    {
        if (length != 0)
        {
            int count = Math.Min(run, 6);
            Add(16, count - 3);
            return count;
        }

        if (run <= 10)
        {
            Add(17, run - 3);
            return run;
        }

        int zeros = Math.Min(run, 138);
        Add(18, zeros - 11);
        return zeros;
    }

    private void Add(int symbol, int extra)
    {
        _counts[symbol]++;
        _items[_itemCount++] = (ushort)(symbol | (extra << 5));
    }
}
