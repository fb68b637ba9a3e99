using System;
using System.Numerics;
using System.Threading;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>One bit for each block of a volume: 4 MiB for 16 TiB. Bits are set and read from any thread; a search sees some moment's bits.</summary>
internal sealed class BlockBits(int blockCount)
{
    private readonly ulong[] _words = new ulong[(blockCount + 63) / 64];

    public bool this[int block] => (Volatile.Read(ref _words[block >> 6]) >> (block & 63) & 1) != 0;

    public void Set(int block) => Interlocked.Or(ref _words[block >> 6], 1UL << (block & 63));

    public void Clear(int block) => Interlocked.And(ref _words[block >> 6], ~(1UL << (block & 63)));

    public void SetRange(int start, int end)
    {
        while (start < end)
        {
            int bit = start & 63;
            int count = Math.Min(64 - bit, end - start);
            ulong mask = (count == 64 ? ulong.MaxValue : (1UL << count) - 1) << bit;
            Interlocked.Or(ref _words[start >> 6], mask);
            start += count;
        }
    }

    /// <summary>The first block from one on whose bit has a value.</summary>
    /// <param name="start">Where to begin.</param>
    /// <param name="end">Where to end.</param>
    /// <param name="value">The value looked for.</param>
    /// <returns>The block; <paramref name="end"/> where there is none.</returns>
    public int Find(int start, int end, bool value)
    {
        while (start < end)
        {
            ulong word = Volatile.Read(ref _words[start >> 6]);
            word = (value ? word : ~word) >> (start & 63);
            if (word != 0)
            {
                return Math.Min(end, start + BitOperations.TrailingZeroCount(word));
            }

            start = (start | 63) + 1;
        }

        return end;
    }
}
