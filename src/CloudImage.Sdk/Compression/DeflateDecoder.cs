using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using static CloudImage.Sdk.Compression.DeflateDecodeTable;

namespace CloudImage.Sdk.Compression;

/// <summary>Decodes whole deflate (RFC 1951) and zlib (RFC 1950) streams from memory to memory. Neither side is left, whatever the input says.</summary>
/// <remarks>
/// <para>Made for what clusters and grains need: the output is bounded and small, a context costs nothing to use again.
/// Accepts and refuses what zlib accepts and refuses.</para>
/// <para>Not thread-safe: one thread at a time uses an instance; see <see cref="ForThread"/>.</para>
/// </remarks>
internal sealed unsafe partial class DeflateDecoder
{
    private const int LiteralBits = 11;
    private const int DistanceBits = 8;
    private const int MaxMatch = 258;

    // What an iteration of the fast loop may take and give beyond the symbols themselves.
    private const int InputSlack = 32;
    private const int OutputSlack = MaxMatch + 32;

    private static readonly byte[] s_order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    private static readonly uint[] s_literalSymbols = LiteralSymbols();
    private static readonly uint[] s_distanceSymbols = DistanceSymbols();
    private static readonly uint[] s_lengthSymbols = LengthSymbols();

    [ThreadStatic]
    private static DeflateDecoder? s_decoder;

    private readonly DeflateDecodeTable _literals = new(s_literalSymbols, LiteralBits, 4096);
    private readonly DeflateDecodeTable _distances = new(s_distanceSymbols, DistanceBits, 1024);
    private readonly DeflateDecodeTable _lengths = new(s_lengthSymbols, 7, 128);
    private readonly byte[] _codeLengths = new byte[DeflateTables.LiteralSymbols + DeflateTables.DistanceSymbols];
    private bool _isFixed;

    /// <summary>The calling thread's own decoder.</summary>
    public static DeflateDecoder ForThread => s_decoder ??= new DeflateDecoder();

    /// <summary>Decodes a zlib stream and checks its Adler-32. Bytes behind its end are ignored.</summary>
    /// <param name="source">The stream.</param>
    /// <param name="destination">Receives the content.</param>
    /// <param name="produced">Bytes of content that were decoded.</param>
    public DeflateStatus DecodeZlib(ReadOnlySpan<byte> source, Span<byte> destination, out int produced)
    {
        produced = 0;
        if (source.Length < 2)
        {
            return DeflateStatus.Truncated;
        }

        // Method 8, a window of at most 32 KiB, no preset dictionary, and a check of the two bytes.
        if ((source[0] & 0x0F) != 8 || source[0] >> 4 > 7 || (source[1] & 0x20) != 0 || BinaryPrimitives.ReadUInt16BigEndian(source) % 31 != 0)
        {
            return DeflateStatus.Damaged;
        }

        DeflateStatus status = Decode(source[2..], destination, out produced, out int consumed);
        if (status != DeflateStatus.Done)
        {
            return status;
        }

        ReadOnlySpan<byte> rest = source[(2 + consumed)..];
        return rest.Length < sizeof(uint) ? DeflateStatus.Truncated
            : BinaryPrimitives.ReadUInt32BigEndian(rest) == Adler32.Compute(destination[..produced]) ? DeflateStatus.Done
            : DeflateStatus.Damaged;
    }

    /// <summary>Decodes a deflate stream. Bytes behind its end are ignored.</summary>
    /// <param name="source">The stream.</param>
    /// <param name="destination">Receives the content; what lies behind the content may be overwritten.</param>
    /// <param name="produced">Bytes of content that were decoded.</param>
    /// <param name="consumed">Bytes of input that were used.</param>
    public DeflateStatus Decode(ReadOnlySpan<byte> source, Span<byte> destination, out int produced, out int consumed)
    {
        fixed (byte* input = source, output = destination)
        {
            State state = new(input, source.Length, output, destination.Length);
            DeflateStatus status = Decode(ref state);
            produced = (int)(state.Output - output);
            consumed = (int)(state.Input - input) - (state.BitCount >> 3) + state.Overrun;
            return status;
        }
    }

    private DeflateStatus Decode(ref State state)
    {
        while (true)
        {
            state.Refill();
            bool isLast = state.Take(1) != 0;
            uint kind = state.Take(2);
            if (state.IsOver)
            {
                return DeflateStatus.Truncated;
            }

            DeflateStatus status;
            switch (kind)
            {
                case 0:
                    status = CopyStored(ref state);
                    break;
                case 1:
                    status = UseFixed() ? DecodeBlock(ref state) : DeflateStatus.Damaged;
                    break;
                case 2:
                    status = ReadCodes(ref state);
                    status = status == DeflateStatus.Done ? DecodeBlock(ref state) : status;
                    break;
                default:
                    return DeflateStatus.Damaged;
            }

            if (status != DeflateStatus.Done || isLast)
            {
                return status;
            }
        }
    }

    private static DeflateStatus CopyStored(ref State state)
    {
        state.AlignToByte();
        byte* input = state.Input;
        if (state.InputEnd - input < 4)
        {
            return DeflateStatus.Truncated;
        }

        int length = input[0] | (input[1] << 8);
        if (length != ((input[2] | (input[3] << 8)) ^ 0xFFFF))
        {
            return DeflateStatus.Damaged;
        }

        state.Input = input + 4;
        long count = Math.Min(length, Math.Min(state.InputEnd - state.Input, state.OutputEnd - state.Output));
        Buffer.MemoryCopy(state.Input, state.Output, count, count);
        state.Input += count;
        state.Output += count;
        return count == length ? DeflateStatus.Done
            : state.Input == state.InputEnd ? DeflateStatus.Truncated
            : DeflateStatus.Full;
    }

    private bool UseFixed()
    {
        if (_isFixed)
        {
            return true;
        }

        Span<byte> lengths = _codeLengths;
        lengths[..144].Fill(8);
        lengths[144..256].Fill(9);
        lengths[256..280].Fill(7);
        lengths[280..288].Fill(8);
        lengths[288..].Fill(5);
        _isFixed = _literals.TryBuild(lengths[..288], false) && _distances.TryBuild(lengths[288..], false);
        return _isFixed;
    }

    private DeflateStatus ReadCodes(ref State state)
    {
        _isFixed = false;
        state.Refill();
        int literalCount = (int)state.Take(5) + 257;
        int distanceCount = (int)state.Take(5) + 1;
        int lengthCount = (int)state.Take(4) + 4;
        if (literalCount > 286 || distanceCount > 30)
        {
            return state.IsOver ? DeflateStatus.Truncated : DeflateStatus.Damaged;
        }

        Span<byte> lengths = stackalloc byte[19];
        lengths.Clear();
        for (int i = 0; i < lengthCount; i++)
        {
            state.Refill();
            lengths[s_order[i]] = (byte)state.Take(3);
        }

        if (state.IsOver)
        {
            return DeflateStatus.Truncated;
        }

        if (!_lengths.TryBuild(lengths, false))
        {
            return DeflateStatus.Damaged;
        }

        DeflateStatus status = ReadCodeLengths(ref state, literalCount + distanceCount);
        if (status != DeflateStatus.Done)
        {
            return status;
        }

        // A block without a code for its end is none.
        Span<byte> all = _codeLengths;
        return all[256] != 0 && _literals.TryBuild(all[..literalCount], true) && _distances.TryBuild(all.Slice(literalCount, distanceCount), true)
            ? DeflateStatus.Done
            : DeflateStatus.Damaged;
    }

    private DeflateStatus ReadCodeLengths(ref State state, int count)
    {
        Span<byte> lengths = _codeLengths;
        uint[] table = _lengths.Entries;
        for (int i = 0; i < count;)
        {
            state.Refill();
            uint entry = table[(int)(state.Bits & 127)];
            state.Skip((int)(entry & 0xFF));
            if (state.IsOver)
            {
                return DeflateStatus.Truncated;
            }

            if ((entry & Invalid) != 0)
            {
                return DeflateStatus.Damaged;
            }

            int symbol = (int)(entry >> 16);
            if (symbol < 16)
            {
                lengths[i++] = (byte)symbol;
                continue;
            }

            byte value = symbol == 16 && i > 0 ? lengths[i - 1] : (byte)0;
            int repeat = symbol == 16 ? 3 + (int)state.Take(2) : symbol == 17 ? 3 + (int)state.Take(3) : 11 + (int)state.Take(7);
            if (repeat > count - i || (symbol == 16 && i == 0))
            {
                return state.IsOver ? DeflateStatus.Truncated : DeflateStatus.Damaged;
            }

            lengths.Slice(i, repeat).Fill(value);
            i += repeat;
        }

        return state.IsOver ? DeflateStatus.Truncated : DeflateStatus.Done;
    }

    private static uint[] LiteralSymbols()
    {
        uint[] symbols = new uint[DeflateTables.LiteralSymbols];
        for (uint i = 0; i < 256; i++)
        {
            symbols[i] = (i << 16) | Literal;
        }

        symbols[256] = End;
        for (int slot = 0; slot < DeflateTables.LengthBases.Length; slot++)
        {
            symbols[257 + slot] = ((uint)DeflateTables.LengthBases[slot] << 16) | DeflateTables.LengthExtra[slot];
        }

        symbols[286] = Invalid;
        symbols[287] = Invalid;
        return symbols;
    }

    private static uint[] DistanceSymbols()
    {
        uint[] symbols = new uint[DeflateTables.DistanceSymbols];
        for (int slot = 0; slot < 30; slot++)
        {
            symbols[slot] = ((uint)DeflateTables.DistanceBases[slot] << 16) | DeflateTables.DistanceExtra[slot];
        }

        symbols[30] = Invalid;
        symbols[31] = Invalid;
        return symbols;
    }

    private static uint[] LengthSymbols()
    {
        uint[] symbols = new uint[19];
        for (uint i = 0; i < 19; i++)
        {
            symbols[i] = i << 16;
        }

        return symbols;
    }

    /// <summary>Where the decoding stands. Behind the end of the input come zeros, which are counted.</summary>
    private struct State
    {
        public readonly byte* InputEnd;
        public readonly byte* OutputStart;
        public readonly byte* OutputEnd;
        public byte* Input;
        public byte* Output;
        public ulong Bits;
        public int BitCount;
        public int Overrun;

        public State(byte* input, int inputLength, byte* output, int outputLength)
        {
            Input = input;
            InputEnd = input + inputLength;
            Output = output;
            OutputStart = output;
            OutputEnd = output + outputLength;
        }

        /// <summary>Whether bits were taken that the input does not have.</summary>
        public readonly bool IsOver => Overrun > BitCount >> 3;

        /// <summary>Makes at least 56 bits ready.</summary>
        public void Refill()
        {
            while (BitCount < 56)
            {
                if (Input < InputEnd)
                {
                    Bits |= (ulong)*Input++ << BitCount;
                }
                else
                {
                    Overrun++;
                }

                BitCount += 8;
            }
        }

        public uint Take(int count)
        {
            uint value = (uint)(Bits & ((1UL << count) - 1));
            Skip(count);
            return value;
        }

        public void Skip(int count)
        {
            Bits >>= count;
            BitCount -= count;
        }

        /// <summary>Takes a code with its extra bits, and answers the value.</summary>
        public uint TakeValue(uint entry)
        {
            uint extra = (uint)((Bits & ((1UL << (int)(entry & 63)) - 1)) >> (int)((entry >> 8) & 15));
            Skip((int)(entry & 63));
            return (entry >> 16) + extra;
        }

        /// <summary>Gives back whole bytes, and drops the rest of one.</summary>
        public void AlignToByte()
        {
            Input -= (BitCount >> 3) - Overrun;
            Bits = 0;
            BitCount = 0;
            Overrun = 0;
        }
    }
}
