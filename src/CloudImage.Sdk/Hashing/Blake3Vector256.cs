using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CloudImage.Sdk.Hashing;

/// <summary>BLAKE3 over 8 independent inputs at once, one input in each 32-bit lane of a <see cref="Vector256{T}"/>.</summary>
/// <remarks>
/// Vector k of the message holds word k of every input, so each line below is the scalar line of <see cref="Blake3Scalar"/>
/// done 8 times. The message stays in memory and the sixteen state vectors in registers.
/// </remarks>
internal static unsafe class Blake3Vector256
{
    public const int Lanes = 8;

    public static bool IsSupported => Vector256.IsHardwareAccelerated && Avx2.IsSupported;

    /// <summary>Compresses the blocks of 8 inputs into 8 chaining values.</summary>
    /// <param name="inputs">8 addresses, each of <paramref name="blocks"/> times 64 readable bytes.</param>
    /// <param name="outputs">8 addresses of 32 bytes each, written after every input has been read.</param>
    /// <param name="counters">8 low words of the counter, then 8 high words.</param>
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
        byte* space = stackalloc byte[(16 * 32) + 32];
        uint* m = (uint*)((nuint)(space + 31) & ~(nuint)31);

        Vector256<uint> h0 = Vector256.Create(key[0]);
        Vector256<uint> h1 = Vector256.Create(key[1]);
        Vector256<uint> h2 = Vector256.Create(key[2]);
        Vector256<uint> h3 = Vector256.Create(key[3]);
        Vector256<uint> h4 = Vector256.Create(key[4]);
        Vector256<uint> h5 = Vector256.Create(key[5]);
        Vector256<uint> h6 = Vector256.Create(key[6]);
        Vector256<uint> h7 = Vector256.Create(key[7]);
        Vector256<uint> counterLow = Vector256.Load(counters);
        Vector256<uint> counterHigh = Vector256.Load(counters + Lanes);
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
            Vector256<uint> v0 = h0;
            Vector256<uint> v1 = h1;
            Vector256<uint> v2 = h2;
            Vector256<uint> v3 = h3;
            Vector256<uint> v4 = h4;
            Vector256<uint> v5 = h5;
            Vector256<uint> v6 = h6;
            Vector256<uint> v7 = h7;
            Vector256<uint> v8 = Vector256.Create(Blake3Constants.Iv0);
            Vector256<uint> v9 = Vector256.Create(Blake3Constants.Iv1);
            Vector256<uint> v10 = Vector256.Create(Blake3Constants.Iv2);
            Vector256<uint> v11 = Vector256.Create(Blake3Constants.Iv3);
            Vector256<uint> v12 = counterLow;
            Vector256<uint> v13 = counterHigh;
            Vector256<uint> v14 = Vector256.Create(blockLength);
            Vector256<uint> v15 = Vector256.Create(blockFlags);
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
        ref Vector256<uint> a, ref Vector256<uint> b, ref Vector256<uint> c, ref Vector256<uint> d, uint* x, uint* y)
    {
        a = a + Vector256.Load(x) + b;
        d = RotateRight16(d ^ a);
        c += d;
        b = RotateRight12(b ^ c);
        a = a + Vector256.Load(y) + b;
        d = RotateRight8(d ^ a);
        c += d;
        b = RotateRight7(b ^ c);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> RotateRight16(Vector256<uint> value) =>
        Avx512F.VL.IsSupported
            ? Avx512F.VL.RotateRight(value, 16)
            : Avx2.Shuffle(value.AsByte(), Vector256.Create((byte)2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13)).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> RotateRight12(Vector256<uint> value) =>
        Avx512F.VL.IsSupported
            ? Avx512F.VL.RotateRight(value, 12)
            : (value >>> 12) | (value << 20);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> RotateRight8(Vector256<uint> value) =>
        Avx512F.VL.IsSupported
            ? Avx512F.VL.RotateRight(value, 8)
            : Avx2.Shuffle(value.AsByte(), Vector256.Create((byte)1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12, 1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12)).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> RotateRight7(Vector256<uint> value) =>
        Avx512F.VL.IsSupported
            ? Avx512F.VL.RotateRight(value, 7)
            : (value >>> 7) | (value << 25);

    // Two 8 by 8 transposes: pairs of words, then pairs of pairs within each half, then the halves themselves.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void LoadMessage(byte** inputs, nuint offset, uint* m)
    {
        LoadHalf(inputs, offset, m);
        LoadHalf(inputs, offset + 32, m + (8 * Lanes));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadHalf(byte** inputs, nuint offset, uint* m)
    {
        Transpose4(
            LoadRow(inputs[0], offset), LoadRow(inputs[1], offset), LoadRow(inputs[2], offset), LoadRow(inputs[3], offset),
            out Vector256<uint> a0, out Vector256<uint> a1, out Vector256<uint> a2, out Vector256<uint> a3);
        Transpose4(
            LoadRow(inputs[4], offset), LoadRow(inputs[5], offset), LoadRow(inputs[6], offset), LoadRow(inputs[7], offset),
            out Vector256<uint> b0, out Vector256<uint> b1, out Vector256<uint> b2, out Vector256<uint> b3);
        Avx2.Permute2x128(a0, b0, 0x20).Store(m);
        Avx2.Permute2x128(a1, b1, 0x20).Store(m + Lanes);
        Avx2.Permute2x128(a2, b2, 0x20).Store(m + (2 * Lanes));
        Avx2.Permute2x128(a3, b3, 0x20).Store(m + (3 * Lanes));
        Avx2.Permute2x128(a0, b0, 0x31).Store(m + (4 * Lanes));
        Avx2.Permute2x128(a1, b1, 0x31).Store(m + (5 * Lanes));
        Avx2.Permute2x128(a2, b2, 0x31).Store(m + (6 * Lanes));
        Avx2.Permute2x128(a3, b3, 0x31).Store(m + (7 * Lanes));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> LoadRow(byte* input, nuint offset) => Vector256.Load((uint*)(input + offset));

    // Four rows of eight words become four vectors whose half q holds word 4q, 4q + 1, 4q + 2 or 4q + 3 of the four rows.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose4(
        Vector256<uint> row0, Vector256<uint> row1, Vector256<uint> row2, Vector256<uint> row3,
        out Vector256<uint> word0, out Vector256<uint> word1, out Vector256<uint> word2, out Vector256<uint> word3)
    {
        Vector256<ulong> low01 = Avx2.UnpackLow(row0, row1).AsUInt64();
        Vector256<ulong> high01 = Avx2.UnpackHigh(row0, row1).AsUInt64();
        Vector256<ulong> low23 = Avx2.UnpackLow(row2, row3).AsUInt64();
        Vector256<ulong> high23 = Avx2.UnpackHigh(row2, row3).AsUInt64();
        word0 = Avx2.UnpackLow(low01, low23).AsUInt32();
        word1 = Avx2.UnpackHigh(low01, low23).AsUInt32();
        word2 = Avx2.UnpackLow(high01, high23).AsUInt32();
        word3 = Avx2.UnpackHigh(high01, high23).AsUInt32();
    }

    private static void StoreChainingValues(
        byte** outputs,
        Vector256<uint> h0, Vector256<uint> h1, Vector256<uint> h2, Vector256<uint> h3,
        Vector256<uint> h4, Vector256<uint> h5, Vector256<uint> h6, Vector256<uint> h7)
    {
        Transpose4(h0, h1, h2, h3, out h0, out h1, out h2, out h3);
        Transpose4(h4, h5, h6, h7, out h4, out h5, out h6, out h7);
        StoreLanes(outputs, h0, h4);
        StoreLanes(outputs + 1, h1, h5);
        StoreLanes(outputs + 2, h2, h6);
        StoreLanes(outputs + 3, h3, h7);
    }

    // Half q belongs to input 4q of the group that starts at outputs.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreLanes(byte** outputs, Vector256<uint> low, Vector256<uint> high)
    {
        Avx2.Permute2x128(low, high, 0x20).Store((uint*)outputs[0]);
        Avx2.Permute2x128(low, high, 0x31).Store((uint*)outputs[4]);
    }
}
