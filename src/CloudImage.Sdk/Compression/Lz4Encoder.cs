using System;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CloudImage.Sdk.Compression;

/// <summary>Compresses blocks to the LZ4 block format, greedily through a table of the last place of each hash.</summary>
/// <remarks>
/// <para>LZ4 block format description, revision of 2022: a token, literals, a 16-bit distance and a length of at least 4;
/// the last 5 bytes are literals, and no match begins in the last 12.</para>
/// <para>The table keeps the low 16 bits of a place: what it says is a distance of less than 64 KiB by nature, a stale entry
/// costs a comparison, and twice the entries fit the first-level cache. Time goes to branches that the processor guesses
/// wrongly, a few in each sequence: six bytes are hashed, so that short matches, which save little, are not found.</para>
/// <para>The library's encoder stays the other side of the tests and decodes; it is twice as slow once it is compiled ahead
/// of time, where its one body for all modes is not specialised (benchmarks/CloudImage.Sdk.Benchmarks/Compression).</para>
/// <para>Stateless: any number of threads. 16 KiB of stack, no allocation.</para>
/// </remarks>
internal static unsafe class Lz4Encoder
{
    /// <summary>With six bytes hashed, 12 bits give 967 MB/s and 2 % more bytes on a system disk, 14 bits 875 and 1 % less.</summary>
    private const int HashBits = 13;

    private const int MinMatch = 4;

    /// <summary>No match begins nearer to the end than this; the format asks for 12, and vectors are read beyond a match's start.</summary>
    private const int MatchFreeTail = 48;

    /// <summary>No match reaches nearer to the end than this.</summary>
    private const int LiteralTail = 5;

    /// <summary>After 2 to the power of this many places without a match, every second is tried; after as many again, every third.</summary>
    /// <remarks>
    /// 282 MB of a system disk become 132.3 MB at 1007 MB/s; with 3, 128.1 MB at 924 MB/s; with 4 and the place before a match's
    /// end hashed too, 125.1 MB at 849 MB/s. Whoever wants fewer bytes takes zstd: 90 MB at 250 MB/s.
    /// </remarks>
    private const int SkipShift = 2;

    /// <summary>Room beyond a sequence's own bytes: its token, distance and lengths, and a vector stored beyond its literals.</summary>
    private const int Slack = 64;

    private const int MaxTokenLength = 15;
    private const ulong HashPrime = 889523592379UL;

    /// <summary>Compresses into at most the destination's length.</summary>
    /// <param name="source">The block, of less than 2 GiB.</param>
    /// <param name="destination">Receives the coded block; apart from the block in memory.</param>
    /// <returns>The length, or zero where it does not fit; then the destination's content is unspecified.</returns>
    [SkipLocalsInit]
    public static int Encode(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        ushort* table = stackalloc ushort[1 << HashBits];
        fixed (byte* input = source, output = destination)
        {
            byte* op = output;
            byte* outputEnd = output + destination.Length;
            byte* anchor = input;
            byte* inputEnd = input + source.Length;
            if (source.Length > MatchFreeTail)
            {
                new Span<ushort>(table, 1 << HashBits).Clear();
                op = EncodeMatches(table, input, inputEnd, op, outputEnd, ref anchor);
            }

            op = op is null ? null : WriteLastLiterals(anchor, (int)(inputEnd - anchor), op, outputEnd);
            return op is null ? 0 : (int)(op - output);
        }
    }

    // Writes sequences until no further match may begin; null where they do not fit. firstLeft is left at the first byte not written.
    private static byte* EncodeMatches(ushort* table, byte* input, byte* inputEnd, byte* op, byte* outputEnd, ref byte* firstLeft)
    {
        byte* anchor = input;
        byte* lastStart = inputEnd - MatchFreeTail;
        byte* matchLimit = inputEnd - LiteralTail;
        byte* ip = input + 1;
        uint hash = Hash(ip);
        while (true)
        {
            byte* next = ip;
            int tries = 1 << SkipShift;
            nuint distance;
            nuint reach;
            do
            {
                ip = next;
                next += tries++ >> SkipShift;
                if (next > lastStart)
                {
                    firstLeft = anchor;
                    return op;
                }

                // A distance of nothing, or beyond the start, is in the table by chance; the comparison must not read there.
                reach = (nuint)(ip - input);
                distance = (ushort)(reach - table[hash]);
                table[hash] = (ushort)reach;
                hash = Hash(next);
            }
            while (*(uint*)(ip - Math.Min(distance, reach)) != *(uint*)ip || distance == 0 || distance > reach);

            byte* match = ip - distance;
            while (ip > anchor && match > input && ip[-1] == match[-1])
            {
                ip--;
                match--;
            }

            byte* token = op;
            op = WriteLiterals(anchor, (int)(ip - anchor), op, outputEnd);
            while (op is not null)
            {
                // Distance, and the length beyond the four bytes that every match has.
                *(ushort*)op = (ushort)distance;
                op += sizeof(ushort);
                int length = CountEqual(ip + MinMatch, distance, matchLimit);
                ip += MinMatch + length;
                if (length < MaxTokenLength)
                {
                    *token |= (byte)length;
                }
                else
                {
                    *token |= MaxTokenLength;
                    if ((length / byte.MaxValue) + Slack > outputEnd - op)
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

                hash = Hash(ip);
                reach = (nuint)(ip - input);
                distance = (ushort)(reach - table[hash]);
                table[hash] = (ushort)reach;
                if (distance == 0 || distance > reach || *(uint*)(ip - distance) != *(uint*)ip)
                {
                    break;
                }

                // A match right behind a match: a token without literals.
                if (Slack > outputEnd - op)
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

    // Token and literals with room for what follows them; null where they do not fit. A vector may be read behind the literals.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* WriteLiterals(byte* literals, int count, byte* op, byte* outputEnd)
    {
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

        Vector256.Store(Vector256.Load(literals), op);
        if (count > Vector256<byte>.Count)
        {
            CopyVectors(literals + Vector256<byte>.Count, op + Vector256<byte>.Count, op + count);
        }

        return op + count;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void CopyVectors(byte* from, byte* to, byte* end)
    {
        do
        {
            Vector256.Store(Vector256.Load(from), to);
            from += Vector256<byte>.Count;
            to += Vector256<byte>.Count;
        }
        while (to < end);
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

    // How many bytes are equal to those a distance before them, up to a limit; nearly always decided by the first vector, which
    // ends before the limit wherever a match may begin.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int CountEqual(byte* place, nuint distance, byte* limit)
    {
        uint differs = ~Vector256.Equals(Vector256.Load(place), Vector256.Load(place - distance)).ExtractMostSignificantBits();
        return differs != 0
            ? BitOperations.TrailingZeroCount(differs)
            : Vector256<byte>.Count + CountLongEqual(place + Vector256<byte>.Count, distance, limit);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int CountLongEqual(byte* place, nuint distance, byte* limit)
    {
        byte* start = place;
        while (limit - place >= Vector256<byte>.Count)
        {
            uint differs = ~Vector256.Equals(Vector256.Load(place), Vector256.Load(place - distance)).ExtractMostSignificantBits();
            if (differs != 0)
            {
                return (int)(place - start) + BitOperations.TrailingZeroCount(differs);
            }

            place += Vector256<byte>.Count;
        }

        while (place < limit && *place == place[-(nint)distance])
        {
            place++;
        }

        return (int)(place - start);
    }

    // Of six bytes: five would save 3 % of the bytes and take 15 % more time.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Hash(byte* place) => (uint)(((*(ulong*)place << 16) * HashPrime) >> (64 - HashBits));
}
