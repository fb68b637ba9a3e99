using System;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CloudImage.Sdk.Compression;

/// <summary>Compresses blocks to the LZ4 block format, greedily through a table of the last place of each hash.</summary>
/// <remarks>
/// <para>LZ4 block format description, revision of 2022: a token, literals, a 16-bit distance and a length of at least 4;
/// the last 5 bytes are literals, and no match begins in the last 12.</para>
/// <para>The library's encoder stays the other side of the tests and decodes; it is twice as slow once it is compiled ahead
/// of time, where its one body for all modes is not specialised (benchmarks/CloudImage.Sdk.Benchmarks/Compression).</para>
/// <para>Stateless: any number of threads. 16 KiB of stack, no allocation.</para>
/// </remarks>
internal static unsafe class Lz4Encoder
{
    private const int HashBits = 12;
    private const int MinMatch = 4;
    private const int MaxDistance = 65535;

    /// <summary>No match begins nearer to the end than this.</summary>
    private const int MatchFreeTail = 12;

    /// <summary>No match reaches nearer to the end than this.</summary>
    private const int LiteralTail = 5;

    /// <summary>After 2 to the power of this many places without a match, every second is tried; after as many again, every third.</summary>
    /// <remarks>With 6, as the usual encoders have it, 262 MB of a system disk become 131.7 MB at 666 MB/s; so 132.5 MB at 701.</remarks>
    private const int SkipShift = 4;

    private const int MaxTokenLength = 15;
    private const ulong HashPrime = 889523592379UL;

    /// <summary>Compresses into at most the destination's length.</summary>
    /// <param name="source">The block, of less than 2 GiB.</param>
    /// <param name="destination">Receives the coded block; apart from the block in memory.</param>
    /// <returns>The length, or zero where it does not fit; then the destination's content is unspecified.</returns>
    [SkipLocalsInit]
    public static int Encode(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        uint* table = stackalloc uint[1 << HashBits];
        fixed (byte* input = source, output = destination)
        {
            byte* op = output;
            byte* outputEnd = output + destination.Length;
            byte* anchor = input;
            byte* inputEnd = input + source.Length;
            if (source.Length > MatchFreeTail)
            {
                new Span<uint>(table, 1 << HashBits).Clear();
                op = EncodeMatches(table, input, inputEnd, op, outputEnd, ref anchor);
            }

            op = op is null ? null : WriteLastLiterals(anchor, (int)(inputEnd - anchor), op, outputEnd);
            return op is null ? 0 : (int)(op - output);
        }
    }

    // Writes sequences until no further match may begin; null where they do not fit. anchor is left at the first byte not written.
    private static byte* EncodeMatches(uint* table, byte* input, byte* inputEnd, byte* op, byte* outputEnd, ref byte* firstLeft)
    {
        byte* anchor = input;
        byte* lastStart = inputEnd - MatchFreeTail;
        byte* matchLimit = inputEnd - LiteralTail;
        byte* ip = input + 1;
        uint hash = Hash(ip);
        while (true)
        {
            byte* match;
            byte* next = ip;
            int tries = 1 << SkipShift;
            do
            {
                ip = next;
                next += tries++ >> SkipShift;
                if (next > lastStart)
                {
                    firstLeft = anchor;
                    return op;
                }

                uint here = (uint)(ip - input);
                match = input + table[hash];
                table[hash] = here;
                hash = Hash(next);
            }
            while (ip - match > MaxDistance || *(uint*)match != *(uint*)ip);

            while (ip > anchor && match > input && ip[-1] == match[-1])
            {
                ip--;
                match--;
            }

            byte* token = op;
            op = WriteLiterals(anchor, (int)(ip - anchor), op, outputEnd, inputEnd);
            while (op is not null)
            {
                // Distance, and the length beyond the four bytes that every match has.
                *(ushort*)op = (ushort)(ip - match);
                op += sizeof(ushort);
                int length = CountEqual(ip + MinMatch, match + MinMatch, matchLimit);
                ip += MinMatch + length;
                if (length < MaxTokenLength)
                {
                    *token |= (byte)length;
                }
                else
                {
                    *token |= MaxTokenLength;
                    if ((length / byte.MaxValue) + 1 + LiteralTail > outputEnd - op)
                    {
                        return null;
                    }

                    op = WriteLength(length - MaxTokenLength, op);
                }

                anchor = ip;
                if (ip > lastStart)
                {
                    firstLeft = anchor;
                    return op;
                }

                table[Hash(ip - 2)] = (uint)(ip - 2 - input);
                hash = Hash(ip);
                match = input + table[hash];
                table[hash] = (uint)(ip - input);
                if (ip - match > MaxDistance || *(uint*)match != *(uint*)ip)
                {
                    break;
                }

                // A match right behind a match: a token without literals.
                if (outputEnd - op < 1 + sizeof(ushort) + LiteralTail + 1)
                {
                    return null;
                }

                token = op++;
                *token = 0;
            }

            if (op is null)
            {
                return null;
            }

            ip++;
            if (ip > lastStart)
            {
                firstLeft = anchor;
                return op;
            }

            hash = Hash(ip);
        }
    }

    // Token and literals with room for the distance behind them; null where they do not fit.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* WriteLiterals(byte* literals, int count, byte* op, byte* outputEnd, byte* inputEnd)
    {
        const int Slack = 32;
        if (count + (count / byte.MaxValue) + Slack > outputEnd - op)
        {
            return null;
        }

        byte* token = op++;
        if (count < MaxTokenLength)
        {
            *token = (byte)(count << 4);
        }
        else
        {
            *token = MaxTokenLength << 4;
            op = WriteLength(count - MaxTokenLength, op);
        }

        byte* end = op + count;
        if (inputEnd - literals >= count + Vector128<byte>.Count)
        {
            // Both sides have room for a vector that reaches beyond.
            while (true)
            {
                Vector128.Store(Vector128.Load(literals), op);
                op += Vector128<byte>.Count;
                if (op >= end)
                {
                    return end;
                }

                literals += Vector128<byte>.Count;
            }
        }

        Unsafe.CopyBlockUnaligned(op, literals, (uint)count);
        return end;
    }

    private static byte* WriteLastLiterals(byte* literals, int count, byte* op, byte* outputEnd)
    {
        if (1 + count + ((count + byte.MaxValue - MaxTokenLength) / byte.MaxValue) > outputEnd - op)
        {
            return null;
        }

        byte* token = op++;
        *token = (byte)(Math.Min(count, MaxTokenLength) << 4);
        if (count >= MaxTokenLength)
        {
            op = WriteLength(count - MaxTokenLength, op);
        }

        Unsafe.CopyBlockUnaligned(op, literals, (uint)count);
        return op + count;
    }

    private static byte* WriteLength(int length, byte* op)
    {
        for (; length >= byte.MaxValue; length -= byte.MaxValue)
        {
            *op++ = byte.MaxValue;
        }

        *op++ = (byte)length;
        return op;
    }

    // How many bytes are equal from two places on, up to a limit of the later one.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int CountEqual(byte* place, byte* earlier, byte* limit)
    {
        byte* start = place;
        while (limit - place >= sizeof(ulong))
        {
            ulong difference = *(ulong*)place ^ *(ulong*)earlier;
            if (difference != 0)
            {
                return (int)(place - start) + (BitOperations.TrailingZeroCount(difference) >> 3);
            }

            place += sizeof(ulong);
            earlier += sizeof(ulong);
        }

        while (place < limit && *place == *earlier)
        {
            place++;
            earlier++;
        }

        return (int)(place - start);
    }

    // Of five bytes: matches of four cost more time than they save bytes. Six would give 777 MB/s, and 3 % more bytes.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Hash(byte* place) => (uint)(((*(ulong*)place << 24) * HashPrime) >> (64 - HashBits));
}
