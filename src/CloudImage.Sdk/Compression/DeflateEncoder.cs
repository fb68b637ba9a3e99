using System;
using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace CloudImage.Sdk.Compression;

/// <summary>Compresses blocks of at most 64 KiB, each for itself, to deflate (RFC 1951) or zlib (RFC 1950) streams.</summary>
/// <remarks>
/// <para>Made for what clusters and grains need: a context that costs nothing to use again, and as good a size as the
/// usual level 6. Matches are found through hash chains and taken lazily; a block of Huffman codes ends where the
/// statistics of what follows differ from it.</para>
/// <para>Not thread-safe: one thread at a time uses an instance.</para>
/// </remarks>
internal sealed unsafe class DeflateEncoder
{
    /// <summary>The longest block.</summary>
    public const int MaxLength = 65536;

    private const int HashBits = 15;
    private const int ShortHashBits = 12;
    private const int WindowMask = 0x7FFF;
    private const int MaxMatch = 258;
    private const int MaxShortDistance = 4096;

    // A position is kept plus one, so that 0 is none; the last one, which then is 0 too, begins no match.
    private readonly ushort[] _heads = new ushort[1 << HashBits];
    private readonly ushort[] _shortHeads = new ushort[1 << ShortHashBits];
    private readonly ushort[] _previous = new ushort[WindowMask + 1];
    private readonly DeflateBlock _block = new();
    private readonly int _maxDepth;
    private readonly int _niceLength;

    /// <summary>Makes a context.</summary>
    /// <param name="maxDepth">How many earlier places are compared for a match.</param>
    /// <param name="niceLength">A match of this length is taken without a look for a better one.</param>
    public DeflateEncoder(int maxDepth, int niceLength)
    {
        _maxDepth = maxDepth;
        _niceLength = niceLength;
    }

    /// <summary>Makes a context with the settings that give a size as good as that of zlib's level 6.</summary>
    public DeflateEncoder()
        : this(14, 64)
    {
    }

    /// <summary>Compresses to a zlib stream: header, deflate, Adler-32.</summary>
    /// <returns>The length of the stream; -1 where it does not fit.</returns>
    public int EncodeZlib(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        if (destination.Length < 6)
        {
            return -1;
        }

        // Method 8, window 32 KiB, default compression.
        destination[0] = 0x78;
        destination[1] = 0x9C;
        int length = Encode(source, destination[2..^4]);
        if (length < 0)
        {
            return -1;
        }

        BinaryPrimitives.WriteUInt32BigEndian(destination[(2 + length)..], Adler32.Compute(source));
        return length + 6;
    }

    /// <summary>Compresses to a deflate stream.</summary>
    /// <returns>The length of the stream; -1 where it does not fit.</returns>
    public int Encode(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(source.Length, MaxLength, nameof(source));
        _heads.AsSpan().Clear();
        _shortHeads.AsSpan().Clear();
        fixed (byte* input = source, output = destination)
        {
            DeflateBitWriter writer = new(output, destination.Length);
            _block.Begin(0);
            fixed (ushort* heads = _heads, shortHeads = _shortHeads, previous = _previous)
            {
                return Encode(new Tables(input, source.Length, heads, shortHeads, previous), ref writer) ? writer.Finish() : -1;
            }
        }
    }

    private bool Encode(in Tables tables, ref DeflateBitWriter writer)
    {
        byte* input = tables.Input;
        int length = tables.Length;
        int last = length - 4;
        int position = 0;
        int misses = 0;
        while (position <= last)
        {
            int distance = 0;
            int match = FindMatch(tables, position, 2, _maxDepth, ref distance);
            if (match < 3)
            {
                // Where nothing repeats, ever fewer places are looked at: noise costs little.
                int count = Math.Min(1 + (misses >> 6), length - position);
                misses += count;
                _block.AddLiterals(input + position, count);
                position += count;
            }
            else
            {
                misses = 0;
                int inserted = position;
                while (match < _niceLength && position < last)
                {
                    int nextDistance = 0;
                    int next = FindMatch(tables, position + 1, match, match >= 8 ? _maxDepth >> 2 : _maxDepth >> 1, ref nextDistance);
                    inserted = position + 1;
                    if (next <= match || (next == match + 1 && nextDistance >> 7 > distance))
                    {
                        break;
                    }

                    _block.AddLiteral(input[position++]);
                    match = next;
                    distance = nextDistance;
                }

                _block.AddMatch(match, distance);
                int end = Math.Min(position + match, last + 1);
                for (int i = inserted + 1; i < end; i++)
                {
                    Insert(tables, i);
                }

                position += match;
            }

            if (_block.IsFull(position, length))
            {
                if (!_block.Write(input, position, false, ref writer))
                {
                    return false;
                }

                _block.Begin(position);
            }
        }

        _block.AddLiterals(input + position, length - position);
        return _block.Write(input, length, true, ref writer);
    }

    /// <summary>Puts a position into the tables and finds the longest match there that is longer than a given one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int FindMatch(in Tables tables, int position, int best, int depth, ref int distance)
    {
        byte* current = tables.Input + position;
        uint value = *(uint*)current;
        ref ushort head = ref tables.Heads[Hash(value)];
        ref ushort shortHead = ref tables.ShortHeads[ShortHash(value)];
        int candidate = head;
        int shortCandidate = shortHead;
        head = (ushort)(position + 1);
        shortHead = (ushort)(position + 1);
        tables.Previous[position & WindowMask] = (ushort)candidate;
        if (best < 3 && shortCandidate != 0)
        {
            int place = shortCandidate - 1;
            if (position - place <= MaxShortDistance && ((*(uint*)(tables.Input + place) ^ value) & 0xFFFFFF) == 0)
            {
                best = 3;
                distance = position - place;
            }
        }

        int max = Math.Min(MaxMatch, tables.Length - position);
        if (best >= max)
        {
            return distance == 0 ? 0 : best;
        }

        int lowest = Math.Max(position - WindowMask, 0);
        byte* input = tables.Input;
        ushort* previous = tables.Previous;

        // The bytes that would make the match longer are compared first: they tell most candidates apart.
        int tail = Math.Max(best - 3, 0);
        uint wanted = *(uint*)(current + tail);
        while (candidate > lowest && --depth >= 0)
        {
            int place = candidate - 1;
            candidate = previous[place & WindowMask];
            byte* earlier = input + place;
            if (*(uint*)(earlier + tail) != wanted || *(uint*)earlier != value)
            {
                continue;
            }

            int found = Extend(earlier, current, max);
            if (found > best)
            {
                best = found;
                distance = position - place;
                if (found >= _niceLength || found == max)
                {
                    break;
                }

                tail = best - 3;
                wanted = *(uint*)(current + tail);
            }
        }

        return distance == 0 ? 0 : best;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Insert(in Tables tables, int position)
    {
        uint value = *(uint*)(tables.Input + position);
        ref ushort head = ref tables.Heads[Hash(value)];
        tables.Previous[position & WindowMask] = head;
        head = (ushort)(position + 1);
        tables.ShortHeads[ShortHash(value)] = (ushort)(position + 1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Extend(byte* earlier, byte* current, int max)
    {
        int length = 4;
        while (length + 8 <= max)
        {
            ulong difference = *(ulong*)(earlier + length) ^ *(ulong*)(current + length);
            if (difference != 0)
            {
                // The first byte in memory that differs.
                int zeroes = BitConverter.IsLittleEndian ? BitOperations.TrailingZeroCount(difference) : BitOperations.LeadingZeroCount(difference);
                return length + (zeroes >> 3);
            }

            length += 8;
        }

        while (length < max && earlier[length] == current[length])
        {
            length++;
        }

        return length;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Hash(uint value) => (value * 0x9E3779B1u) >> (32 - HashBits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint ShortHash(uint value) => ((value << 8) * 0x1E35A7BDu) >> (32 - ShortHashBits);

    /// <summary>Input and tables, pinned.</summary>
    private readonly struct Tables
    {
        public readonly byte* Input;
        public readonly int Length;
        public readonly ushort* Heads;
        public readonly ushort* ShortHeads;
        public readonly ushort* Previous;

        public Tables(byte* input, int length, ushort* heads, ushort* shortHeads, ushort* previous)
        {
            Input = input;
            Length = length;
            Heads = heads;
            ShortHeads = shortHeads;
            Previous = previous;
        }
    }
}
