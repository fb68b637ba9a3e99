using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CloudImage.Sdk.Hashing;

/// <summary>BLAKE3 over 16 independent inputs at once, one input in each 32-bit lane of a <see cref="Vector512{T}"/>.</summary>
/// <remarks>
/// Vector k of the message holds word k of every input, so each line below is the scalar line of <see cref="Blake3Scalar"/>
/// done 16 times. The message stays in memory and the sixteen state vectors in registers.
/// </remarks>
internal static unsafe partial class Blake3Vector512
{
    public const int Lanes = 16;

    public static bool IsSupported => Vector512.IsHardwareAccelerated && Avx512F.IsSupported;

    /// <summary>Compresses the blocks of 16 inputs into 16 chaining values.</summary>
    /// <param name="inputs">16 addresses, each of <paramref name="blocks"/> times 64 readable bytes.</param>
    /// <param name="outputs">16 addresses of 32 bytes each, written after every input has been read.</param>
    /// <param name="counters">16 low words of the counter, then 16 high words.</param>
    /// <param name="blocks">The number of blocks, at least one.</param>
    /// <param name="key">The eight words every input starts from.</param>
    /// <param name="flags">Flags of every block.</param>
    /// <param name="firstFlags">Flags added to the first block.</param>
    /// <param name="lastFlags">Flags added to the last block.</param>
    /// <param name="lastLength">Bytes of the last block that count; those behind them are zeros.</param>
    [SkipLocalsInit]
    public static void Compress(
        byte** inputs,
        byte** outputs,
        uint* counters,
        int blocks,
        uint* key,
        uint flags,
        uint firstFlags,
        uint lastFlags,
        uint lastLength)
    {
        byte* space = stackalloc byte[(16 * 64) + 64];
        uint* m = (uint*)((nuint)(space + 63) & ~(nuint)63);

        Vector512<uint> h0 = Vector512.Create(key[0]);
        Vector512<uint> h1 = Vector512.Create(key[1]);
        Vector512<uint> h2 = Vector512.Create(key[2]);
        Vector512<uint> h3 = Vector512.Create(key[3]);
        Vector512<uint> h4 = Vector512.Create(key[4]);
        Vector512<uint> h5 = Vector512.Create(key[5]);
        Vector512<uint> h6 = Vector512.Create(key[6]);
        Vector512<uint> h7 = Vector512.Create(key[7]);
        Vector512<uint> counterLow = Vector512.Load(counters);
        Vector512<uint> counterHigh = Vector512.Load(counters + Lanes);
        ushort* firstOrder = Blake3Constants.MessageOrder(Lanes);
        ushort* endOrder = firstOrder + (7 * 16);
        uint blockFlags = flags | firstFlags;
        uint blockLength = Blake3Constants.BlockSizeInBytes;
        for (int block = 0; block < blocks; block++)
        {
            if (block == blocks - 1)
            {
                blockFlags |= lastFlags;
                blockLength = lastLength;
            }

            LoadMessage(inputs, (nuint)block * Blake3Constants.BlockSizeInBytes, m);
            Vector512<uint> v0 = h0;
            Vector512<uint> v1 = h1;
            Vector512<uint> v2 = h2;
            Vector512<uint> v3 = h3;
            Vector512<uint> v4 = h4;
            Vector512<uint> v5 = h5;
            Vector512<uint> v6 = h6;
            Vector512<uint> v7 = h7;
            Vector512<uint> v8 = Vector512.Create(Blake3Constants.Iv0);
            Vector512<uint> v9 = Vector512.Create(Blake3Constants.Iv1);
            Vector512<uint> v10 = Vector512.Create(Blake3Constants.Iv2);
            Vector512<uint> v11 = Vector512.Create(Blake3Constants.Iv3);
            Vector512<uint> v12 = counterLow;
            Vector512<uint> v13 = counterHigh;
            Vector512<uint> v14 = Vector512.Create(blockLength);
            Vector512<uint> v15 = Vector512.Create(blockFlags);
            for (ushort* order = firstOrder; order != endOrder; order += 16)
            {
                Mix(ref v0, ref v4, ref v8, ref v12, m + order[0], m + order[1]);
                Mix(ref v1, ref v5, ref v9, ref v13, m + order[2], m + order[3]);
                Mix(ref v2, ref v6, ref v10, ref v14, m + order[4], m + order[5]);
                Mix(ref v3, ref v7, ref v11, ref v15, m + order[6], m + order[7]);
                Mix(ref v0, ref v5, ref v10, ref v15, m + order[8], m + order[9]);
                Mix(ref v1, ref v6, ref v11, ref v12, m + order[10], m + order[11]);
                Mix(ref v2, ref v7, ref v8, ref v13, m + order[12], m + order[13]);
                Mix(ref v3, ref v4, ref v9, ref v14, m + order[14], m + order[15]);
            }

            h0 = v0 ^ v8;
            h1 = v1 ^ v9;
            h2 = v2 ^ v10;
            h3 = v3 ^ v11;
            h4 = v4 ^ v12;
            h5 = v5 ^ v13;
            h6 = v6 ^ v14;
            h7 = v7 ^ v15;
            blockFlags = flags;
        }

        StoreChainingValues(outputs, h0, h1, h2, h3, h4, h5, h6, h7);
    }

    // a + m + b in this order: b is what the previous step has just produced, so the sum with m is ready before it arrives.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Mix(
        ref Vector512<uint> a, ref Vector512<uint> b, ref Vector512<uint> c, ref Vector512<uint> d, uint* x, uint* y)
    {
        a = a + Vector512.Load(x) + b;
        d = RotateRight16(d ^ a);
        c += d;
        b = RotateRight12(b ^ c);
        a = a + Vector512.Load(y) + b;
        d = RotateRight8(d ^ a);
        c += d;
        b = RotateRight7(b ^ c);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> RotateRight16(Vector512<uint> value) =>
        Avx512F.RotateRight(value, 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> RotateRight12(Vector512<uint> value) =>
        Avx512F.RotateRight(value, 12);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> RotateRight8(Vector512<uint> value) =>
        Avx512F.RotateRight(value, 8);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> RotateRight7(Vector512<uint> value) =>
        Avx512F.RotateRight(value, 7);

    // A 16 by 16 transpose: pairs of words, then pairs of pairs within each 128-bit quarter, then the quarters themselves.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadMessage(byte** inputs, nuint offset, uint* m)
    {
        Transpose4(
            LoadRow(inputs[0], offset), LoadRow(inputs[1], offset), LoadRow(inputs[2], offset), LoadRow(inputs[3], offset),
            out Vector512<uint> a0, out Vector512<uint> a1, out Vector512<uint> a2, out Vector512<uint> a3);
        Transpose4(
            LoadRow(inputs[4], offset), LoadRow(inputs[5], offset), LoadRow(inputs[6], offset), LoadRow(inputs[7], offset),
            out Vector512<uint> b0, out Vector512<uint> b1, out Vector512<uint> b2, out Vector512<uint> b3);
        Transpose4(
            LoadRow(inputs[8], offset), LoadRow(inputs[9], offset), LoadRow(inputs[10], offset), LoadRow(inputs[11], offset),
            out Vector512<uint> c0, out Vector512<uint> c1, out Vector512<uint> c2, out Vector512<uint> c3);
        Transpose4(
            LoadRow(inputs[12], offset), LoadRow(inputs[13], offset), LoadRow(inputs[14], offset), LoadRow(inputs[15], offset),
            out Vector512<uint> d0, out Vector512<uint> d1, out Vector512<uint> d2, out Vector512<uint> d3);
        StoreQuarters(a0, b0, c0, d0, m + (0 * Lanes));
        StoreQuarters(a1, b1, c1, d1, m + (1 * Lanes));
        StoreQuarters(a2, b2, c2, d2, m + (2 * Lanes));
        StoreQuarters(a3, b3, c3, d3, m + (3 * Lanes));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> LoadRow(byte* input, nuint offset) => Vector512.Load((uint*)(input + offset));

    // Four rows of sixteen words become four vectors whose quarter q holds word 4q, 4q + 1, 4q + 2 or 4q + 3 of the four rows.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose4(
        Vector512<uint> row0, Vector512<uint> row1, Vector512<uint> row2, Vector512<uint> row3,
        out Vector512<uint> word0, out Vector512<uint> word1, out Vector512<uint> word2, out Vector512<uint> word3)
    {
        Vector512<ulong> low01 = Avx512F.UnpackLow(row0, row1).AsUInt64();
        Vector512<ulong> high01 = Avx512F.UnpackHigh(row0, row1).AsUInt64();
        Vector512<ulong> low23 = Avx512F.UnpackLow(row2, row3).AsUInt64();
        Vector512<ulong> high23 = Avx512F.UnpackHigh(row2, row3).AsUInt64();
        word0 = Avx512F.UnpackLow(low01, low23).AsUInt32();
        word1 = Avx512F.UnpackHigh(low01, low23).AsUInt32();
        word2 = Avx512F.UnpackLow(high01, high23).AsUInt32();
        word3 = Avx512F.UnpackHigh(high01, high23).AsUInt32();
    }

    // The quarters of the four groups of rows, put together: word k, k + 4, k + 8 and k + 12 of all sixteen rows.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreQuarters(
        Vector512<uint> a, Vector512<uint> b, Vector512<uint> c, Vector512<uint> d, uint* m)
    {
        Vector512<uint> evenAB = Avx512F.Shuffle4x128(a, b, 0x88);
        Vector512<uint> oddAB = Avx512F.Shuffle4x128(a, b, 0xDD);
        Vector512<uint> evenCD = Avx512F.Shuffle4x128(c, d, 0x88);
        Vector512<uint> oddCD = Avx512F.Shuffle4x128(c, d, 0xDD);
        Avx512F.Shuffle4x128(evenAB, evenCD, 0x88).Store(m);
        Avx512F.Shuffle4x128(oddAB, oddCD, 0x88).Store(m + (4 * Lanes));
        Avx512F.Shuffle4x128(evenAB, evenCD, 0xDD).Store(m + (8 * Lanes));
        Avx512F.Shuffle4x128(oddAB, oddCD, 0xDD).Store(m + (12 * Lanes));
    }

    private static void StoreChainingValues(
        byte** outputs,
        Vector512<uint> h0, Vector512<uint> h1, Vector512<uint> h2, Vector512<uint> h3,
        Vector512<uint> h4, Vector512<uint> h5, Vector512<uint> h6, Vector512<uint> h7)
    {
        Transpose4(h0, h1, h2, h3, out h0, out h1, out h2, out h3);
        Transpose4(h4, h5, h6, h7, out h4, out h5, out h6, out h7);
        StoreLanes(outputs, h0, h4);
        StoreLanes(outputs + 1, h1, h5);
        StoreLanes(outputs + 2, h2, h6);
        StoreLanes(outputs + 3, h3, h7);
    }

    // Quarter q belongs to input 4q of the group that starts at outputs.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreLanes(byte** outputs, Vector512<uint> low, Vector512<uint> high)
    {
        Vector256.Create(Avx512F.ExtractVector128(low, 0), Avx512F.ExtractVector128(high, 0)).Store((uint*)outputs[0]);
        Vector256.Create(Avx512F.ExtractVector128(low, 1), Avx512F.ExtractVector128(high, 1)).Store((uint*)outputs[4]);
        Vector256.Create(Avx512F.ExtractVector128(low, 2), Avx512F.ExtractVector128(high, 2)).Store((uint*)outputs[8]);
        Vector256.Create(Avx512F.ExtractVector128(low, 3), Avx512F.ExtractVector128(high, 3)).Store((uint*)outputs[12]);
    }
}
