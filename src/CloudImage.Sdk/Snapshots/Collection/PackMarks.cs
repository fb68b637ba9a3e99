using System;
using System.Numerics;
using System.Threading;
using CloudImage.Sdk.Snapshots.Packs;

namespace CloudImage.Sdk.Snapshots.Collection;

/// <summary>Which frames of a pack are referred to. Marking is thread-safe.</summary>
/// <remarks>
/// A bit and a quarter a frame, and two bits that lead from the offset of a frame to its own: a perfect hash (hash, displace: few offsets share a bucket,
/// and each bucket has a seed that sends them to places of their own). An offset at which no frame begins leads to the bit of some frame,
/// which then is kept for nothing; who reads such a reference finds the damage.
/// </remarks>
internal sealed class PackMarks
{
    private const int FramesOfABucket = 4;
    private const int MaxAttempts = 12;
    private const ulong OffsetFactor = 0x9e3779b97f4a7c15;
    private const ulong SeedFactor = 0xd6e8feb86659fd93;

    // The bits first, the seeds behind them, eight a word.
    private readonly ulong[] _data;
    private readonly uint _totalBytes;
    private readonly int _positions;
    private readonly int _buckets;
    private long _markedBytes;
    private volatile bool _isExcluded;

    public PackMarks(PackSlot[] slots)
    {
        _buckets = Math.Max(1, (slots.Length + FramesOfABucket - 1) / FramesOfABucket);
        _totalBytes = slots.Length == 0 ? 0 : slots[^1].Offset + slots[^1].Length - slots[0].Offset;
        byte[] seeds = new byte[_buckets];
        _positions = slots.Length + (slots.Length / 4) + 1;
        for (int attempt = 1; !TryPlace(slots, seeds, attempt == MaxAttempts); attempt++)
        {
            _positions += (slots.Length / 8) + 1;
        }

        int words = (_positions + 63) / 64;
        _data = new ulong[words + ((_buckets + 7) / 8)];
        for (int bucket = 0; bucket < _buckets; bucket++)
        {
            _data[words + (bucket >> 3)] |= (ulong)seeds[bucket] << (8 * (bucket & 7));
        }
    }

    /// <summary>Bytes of all frames.</summary>
    public long TotalBytes => _totalBytes;

    /// <summary>Bytes of the frames that are marked.</summary>
    public long MarkedBytes => Interlocked.Read(ref _markedBytes);

    /// <summary>Whether it is not known what of the pack is needed.</summary>
    public bool IsExcluded
    {
        get => _isExcluded;
        set => _isExcluded = value;
    }

    /// <summary>Marks a frame.</summary>
    /// <param name="offset">Where it begins.</param>
    /// <param name="length">Its length.</param>
    /// <returns>Whether it was not marked before.</returns>
    public bool Mark(uint offset, uint length)
    {
        int position = PositionOf(offset);
        ref ulong word = ref _data[position >> 6];
        ulong bit = 1UL << (position & 63);
        if ((Volatile.Read(ref word) & bit) != 0 || (Interlocked.Or(ref word, bit) & bit) != 0)
        {
            return false;
        }

        Interlocked.Add(ref _markedBytes, length);
        return true;
    }

    /// <summary>Whether a frame is marked.</summary>
    /// <param name="offset">Where it begins.</param>
    public bool IsMarked(uint offset)
    {
        int position = PositionOf(offset);
        return (_data[position >> 6] & (1UL << (position & 63))) != 0;
    }

    private static int Scale(ulong hash, int count) => (int)(((hash >> 32) * (uint)count) >> 32);

    private static ulong Mix(uint offset)
    {
        ulong hash = offset * OffsetFactor;
        return (hash ^ (hash >> 29)) * SeedFactor;
    }

    private static int Displace(ulong hash, byte seed, int positions) =>
        Scale(BitOperations.RotateLeft(hash, 21) * OffsetFactor * ((2UL * seed) + 1), positions);

    private int PositionOf(uint offset)
    {
        ulong hash = Mix(offset);
        int bucket = Scale(hash, _buckets);
        byte seed = (byte)(_data[((_positions + 63) / 64) + (bucket >> 3)] >> (8 * (bucket & 7)));
        return Displace(hash, seed, _positions);
    }

    // The largest buckets first, while there is room. In the last attempt frames may share a bit, which keeps one with the other.
    private bool TryPlace(PackSlot[] slots, byte[] seeds, bool isLast)
    {
        int[] sizes = new int[_buckets];
        ulong[] hashes = new ulong[slots.Length];
        for (int index = 0; index < slots.Length; index++)
        {
            hashes[index] = Mix(slots[index].Offset);
            sizes[Scale(hashes[index], _buckets)]++;
        }

        int[] order = new int[_buckets];
        int[] starts = new int[_buckets];
        for (int bucket = 0, start = 0; bucket < _buckets; start += sizes[bucket++])
        {
            order[bucket] = bucket;
            starts[bucket] = start;
        }

        ulong[] grouped = new ulong[slots.Length];
        int[] next = [.. starts];
        foreach (ulong hash in hashes)
        {
            grouped[next[Scale(hash, _buckets)]++] = hash;
        }

        Array.Sort(order, (left, right) => sizes[right].CompareTo(sizes[left]));
        bool[] isTaken = new bool[_positions];
        foreach (int bucket in order)
        {
            ReadOnlySpan<ulong> members = grouped.AsSpan(starts[bucket], sizes[bucket]);
            if (!TrySeed(members, isTaken, out seeds[bucket]) && !isLast)
            {
                return false;
            }
        }

        return true;
    }

    private bool TrySeed(ReadOnlySpan<ulong> members, bool[] isTaken, out byte found)
    {
        for (int seed = 0; seed <= byte.MaxValue; seed++)
        {
            int placed = 0;
            while (placed < members.Length && !isTaken[Displace(members[placed], (byte)seed, _positions)])
            {
                isTaken[Displace(members[placed++], (byte)seed, _positions)] = true;
            }

            if (placed == members.Length)
            {
                found = (byte)seed;
                return true;
            }

            while (placed > 0)
            {
                isTaken[Displace(members[--placed], (byte)seed, _positions)] = false;
            }
        }

        found = 0;
        return false;
    }
}
