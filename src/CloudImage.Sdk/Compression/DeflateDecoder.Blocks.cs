using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using static CloudImage.Sdk.Compression.DeflateDecodeTable;

namespace CloudImage.Sdk.Compression;

/// <content>The symbols of one block: fast where both ends are far, carefully where one is near.</content>
internal sealed unsafe partial class DeflateDecoder
{
    private DeflateStatus DecodeBlock(ref State state)
    {
        fixed (uint* literals = _literals.Entries, distances = _distances.Entries)
        {
            DeflateStatus? status = DecodeFast(ref state, literals, distances);
            return status ?? DecodeCarefully(ref state, literals, distances);
        }
    }

    // Far from both ends: no check of either, whole words are read and written. Null where an end comes near.
    private static DeflateStatus? DecodeFast(ref State state, uint* literals, uint* distances)
    {
        const uint LiteralMask = (1 << LiteralBits) - 1;
        const uint DistanceMask = (1 << DistanceBits) - 1;
        if (!BitConverter.IsLittleEndian || state.InputEnd - state.Input < InputSlack || state.OutputEnd - state.Output < OutputSlack)
        {
            return null;
        }

        byte* input = state.Input;
        byte* inputLimit = state.InputEnd - InputSlack;
        byte* output = state.Output;
        byte* outputStart = state.OutputStart;
        byte* outputLimit = state.OutputEnd - OutputSlack;
        ulong bits = state.Bits;
        int bitCount = state.BitCount;
        DeflateStatus? status = null;
        while (input <= inputLimit && output <= outputLimit)
        {
            // At least 56 bits: three codes of the table's own length, or a length and a distance with their extra bits.
            bits |= *(ulong*)input << bitCount;
            input += (63 - bitCount) >> 3;
            bitCount |= 56;
            uint entry = literals[bits & LiteralMask];
            if ((entry & Literal) != 0)
            {
                bits >>= (int)(entry & 63);
                bitCount -= (int)(entry & 63);
                *output++ = (byte)(entry >> 16);
                entry = literals[bits & LiteralMask];
                if ((entry & Literal) != 0)
                {
                    bits >>= (int)(entry & 63);
                    bitCount -= (int)(entry & 63);
                    *output++ = (byte)(entry >> 16);
                    entry = literals[bits & LiteralMask];
                    if ((entry & Literal) != 0)
                    {
                        bits >>= (int)(entry & 63);
                        bitCount -= (int)(entry & 63);
                        *output++ = (byte)(entry >> 16);
                        continue;
                    }
                }

                bits |= *(ulong*)input << bitCount;
                input += (63 - bitCount) >> 3;
                bitCount |= 56;
            }

            if ((entry & Special) != 0)
            {
                if ((entry & Subtable) != 0)
                {
                    bits >>= LiteralBits;
                    bitCount -= LiteralBits;
                    entry = literals[(entry >> 16) + (uint)(bits & ((1UL << (int)((entry >> 8) & 15)) - 1))];
                    if ((entry & Literal) != 0)
                    {
                        bits >>= (int)(entry & 63);
                        bitCount -= (int)(entry & 63);
                        *output++ = (byte)(entry >> 16);
                        continue;
                    }
                }

                if ((entry & Special) != 0)
                {
                    bits >>= (int)(entry & 63);
                    bitCount -= (int)(entry & 63);
                    status = (entry & End) != 0 ? DeflateStatus.Done : DeflateStatus.Damaged;
                    break;
                }
            }

            int length = (int)((entry >> 16) + ((bits & ((1UL << (int)(entry & 63)) - 1)) >> (int)((entry >> 8) & 15)));
            bits >>= (int)(entry & 63);
            bitCount -= (int)(entry & 63);
            entry = distances[bits & DistanceMask];
            if ((entry & Special) != 0)
            {
                if ((entry & Subtable) != 0)
                {
                    bits >>= DistanceBits;
                    bitCount -= DistanceBits;
                    entry = distances[(entry >> 16) + (uint)(bits & ((1UL << (int)((entry >> 8) & 15)) - 1))];
                }

                if ((entry & Special) != 0)
                {
                    status = DeflateStatus.Damaged;
                    break;
                }
            }

            long distance = (entry >> 16) + (long)((bits & ((1UL << (int)(entry & 63)) - 1)) >> (int)((entry >> 8) & 15));
            bits >>= (int)(entry & 63);
            bitCount -= (int)(entry & 63);
            if (distance > output - outputStart)
            {
                status = DeflateStatus.Damaged;
                break;
            }

            CopyMatch(output, distance, length);
            output += length;
        }

        state.Input = input;
        state.Output = output;
        state.Bits = bits;
        state.BitCount = bitCount;
        return status;
    }

    // Writes up to 31 bytes beyond the length.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyMatch(byte* output, long distance, int length)
    {
        byte* source = output - distance;
        byte* end = output + length;
        if (distance >= 16)
        {
            do
            {
                Unsafe.CopyBlockUnaligned(output, source, 16);
                output += 16;
                source += 16;
            }
            while (output < end);
        }
        else if (distance >= 8)
        {
            do
            {
                *(ulong*)output = *(ulong*)source;
                output += 8;
                source += 8;
            }
            while (output < end);
        }
        else if (distance == 1)
        {
            ulong pattern = 0x0101010101010101UL * *source;
            do
            {
                *(ulong*)output = pattern;
                output += 8;
            }
            while (output < end);
        }
        else
        {
            do
            {
                *output++ = *source++;
            }
            while (output < end);
        }
    }

    private static DeflateStatus DecodeCarefully(ref State state, uint* literals, uint* distances)
    {
        while (true)
        {
            state.Refill();
            uint entry = Next(ref state, literals, LiteralBits);
            if ((entry & (Literal | Special)) != 0)
            {
                state.Skip((int)(entry & 63));
                if (state.IsOver)
                {
                    return DeflateStatus.Truncated;
                }

                if ((entry & Literal) == 0)
                {
                    return (entry & End) != 0 ? DeflateStatus.Done : DeflateStatus.Damaged;
                }

                if (state.Output == state.OutputEnd)
                {
                    return DeflateStatus.Full;
                }

                *state.Output++ = (byte)(entry >> 16);
                continue;
            }

            int length = (int)state.TakeValue(entry);
            entry = Next(ref state, distances, DistanceBits);
            if ((entry & Special) != 0)
            {
                state.Skip((int)(entry & 63));
                return state.IsOver ? DeflateStatus.Truncated : DeflateStatus.Damaged;
            }

            long distance = state.TakeValue(entry);
            if (state.IsOver)
            {
                return DeflateStatus.Truncated;
            }

            if (distance > state.Output - state.OutputStart)
            {
                return DeflateStatus.Damaged;
            }

            long room = state.OutputEnd - state.Output;
            byte* end = state.Output + Math.Min(length, room);
            while (state.Output < end)
            {
                *state.Output = *(state.Output - distance);
                state.Output++;
            }

            if (length > room)
            {
                return DeflateStatus.Full;
            }
        }
    }

    private static uint Next(ref State state, uint* table, int indexBits)
    {
        uint entry = table[state.Bits & ((1UL << indexBits) - 1)];
        if ((entry & Subtable) == 0)
        {
            return entry;
        }

        state.Skip(indexBits);
        return table[(entry >> 16) + (uint)(state.Bits & ((1UL << (int)((entry >> 8) & 15)) - 1))];
    }
}
