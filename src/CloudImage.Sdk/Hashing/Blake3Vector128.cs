using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace CloudImage.Sdk.Hashing;

/// <summary>BLAKE3 over 4 independent inputs at once, one input in each 32-bit lane of a <see cref="Vector128{T}"/>.</summary>
/// <remarks>
/// Vector k of the message holds word k of every input, so each line below is the scalar line of <see cref="Blake3Scalar"/>
/// done 4 times. The message stays in memory and the sixteen state vectors in registers.
/// </remarks>
internal static unsafe class Blake3Vector128
{
    public const int Lanes = 4;

    public static bool IsSupported => Sse2.IsSupported || AdvSimd.Arm64.IsSupported;

    /// <summary>Compresses the blocks of 4 inputs into 4 chaining values.</summary>
    /// <param name="inputs">4 addresses, each of <paramref name="blocks"/> times 64 readable bytes.</param>
    /// <param name="outputs">4 addresses of 32 bytes each, written after every input has been read.</param>
    /// <param name="counters">4 low words of the counter, then 4 high words.</param>
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
        byte* space = stackalloc byte[(16 * 16) + 16];
        uint* m = (uint*)((nuint)(space + 15) & ~(nuint)15);

        Vector128<uint> h0 = Vector128.Create(key[0]);
        Vector128<uint> h1 = Vector128.Create(key[1]);
        Vector128<uint> h2 = Vector128.Create(key[2]);
        Vector128<uint> h3 = Vector128.Create(key[3]);
        Vector128<uint> h4 = Vector128.Create(key[4]);
        Vector128<uint> h5 = Vector128.Create(key[5]);
        Vector128<uint> h6 = Vector128.Create(key[6]);
        Vector128<uint> h7 = Vector128.Create(key[7]);
        Vector128<uint> counterLow = Vector128.Load(counters);
        Vector128<uint> counterHigh = Vector128.Load(counters + Lanes);
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
            Vector128<uint> v0 = h0;
            Vector128<uint> v1 = h1;
            Vector128<uint> v2 = h2;
            Vector128<uint> v3 = h3;
            Vector128<uint> v4 = h4;
            Vector128<uint> v5 = h5;
            Vector128<uint> v6 = h6;
            Vector128<uint> v7 = h7;
            Vector128<uint> v8 = Vector128.Create(Blake3Constants.Iv0);
            Vector128<uint> v9 = Vector128.Create(Blake3Constants.Iv1);
            Vector128<uint> v10 = Vector128.Create(Blake3Constants.Iv2);
            Vector128<uint> v11 = Vector128.Create(Blake3Constants.Iv3);
            Vector128<uint> v12 = counterLow;
            Vector128<uint> v13 = counterHigh;
            Vector128<uint> v14 = Vector128.Create(blockLength);
            Vector128<uint> v15 = Vector128.Create(blockFlags);
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
        ref Vector128<uint> a, ref Vector128<uint> b, ref Vector128<uint> c, ref Vector128<uint> d, uint* x, uint* y)
    {
        a = a + Vector128.Load(x) + b;
        d = RotateRight16(d ^ a);
        c += d;
        b = RotateRight12(b ^ c);
        a = a + Vector128.Load(y) + b;
        d = RotateRight8(d ^ a);
        c += d;
        b = RotateRight7(b ^ c);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<uint> RotateRight16(Vector128<uint> value) =>
        Avx512F.VL.IsSupported
            ? Avx512F.VL.RotateRight(value, 16)
            : Ssse3.IsSupported || AdvSimd.Arm64.IsSupported
            ? Vector128.Shuffle(value.AsByte(), Vector128.Create((byte)2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13)).AsUInt32()
            : (value >>> 16) | (value << 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<uint> RotateRight12(Vector128<uint> value) =>
        Avx512F.VL.IsSupported
            ? Avx512F.VL.RotateRight(value, 12)
            : (value >>> 12) | (value << 20);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<uint> RotateRight8(Vector128<uint> value) =>
        Avx512F.VL.IsSupported
            ? Avx512F.VL.RotateRight(value, 8)
            : Ssse3.IsSupported || AdvSimd.Arm64.IsSupported
            ? Vector128.Shuffle(value.AsByte(), Vector128.Create((byte)1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12)).AsUInt32()
            : (value >>> 8) | (value << 24);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<uint> RotateRight7(Vector128<uint> value) =>
        Avx512F.VL.IsSupported
            ? Avx512F.VL.RotateRight(value, 7)
            : (value >>> 7) | (value << 25);

    // Four 4 by 4 transposes, one for each quarter of the block.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadMessage(byte** inputs, nuint offset, uint* m)
    {
        LoadQuarter(inputs, offset, m);
        LoadQuarter(inputs, offset + 16, m + (4 * Lanes));
        LoadQuarter(inputs, offset + 32, m + (8 * Lanes));
        LoadQuarter(inputs, offset + 48, m + (12 * Lanes));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadQuarter(byte** inputs, nuint offset, uint* m)
    {
        Transpose4(
            LoadRow(inputs[0], offset), LoadRow(inputs[1], offset), LoadRow(inputs[2], offset), LoadRow(inputs[3], offset),
            out Vector128<uint> w0, out Vector128<uint> w1, out Vector128<uint> w2, out Vector128<uint> w3);
        w0.Store(m);
        w1.Store(m + Lanes);
        w2.Store(m + (2 * Lanes));
        w3.Store(m + (3 * Lanes));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> LoadRow(byte* input, nuint offset) => Vector128.Load((uint*)(input + offset));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose4(
        Vector128<uint> row0, Vector128<uint> row1, Vector128<uint> row2, Vector128<uint> row3,
        out Vector128<uint> word0, out Vector128<uint> word1, out Vector128<uint> word2, out Vector128<uint> word3)
    {
        Vector128<ulong> low01 = ZipLow(row0, row1).AsUInt64();
        Vector128<ulong> high01 = ZipHigh(row0, row1).AsUInt64();
        Vector128<ulong> low23 = ZipLow(row2, row3).AsUInt64();
        Vector128<ulong> high23 = ZipHigh(row2, row3).AsUInt64();
        word0 = ZipLow(low01, low23).AsUInt32();
        word1 = ZipHigh(low01, low23).AsUInt32();
        word2 = ZipLow(high01, high23).AsUInt32();
        word3 = ZipHigh(high01, high23).AsUInt32();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> ZipLow(Vector128<uint> left, Vector128<uint> right) =>
        Sse2.IsSupported ? Sse2.UnpackLow(left, right) : AdvSimd.Arm64.ZipLow(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> ZipHigh(Vector128<uint> left, Vector128<uint> right) =>
        Sse2.IsSupported ? Sse2.UnpackHigh(left, right) : AdvSimd.Arm64.ZipHigh(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> ZipLow(Vector128<ulong> left, Vector128<ulong> right) =>
        Sse2.IsSupported ? Sse2.UnpackLow(left, right) : AdvSimd.Arm64.ZipLow(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> ZipHigh(Vector128<ulong> left, Vector128<ulong> right) =>
        Sse2.IsSupported ? Sse2.UnpackHigh(left, right) : AdvSimd.Arm64.ZipHigh(left, right);

    private static void StoreChainingValues(
        byte** outputs,
        Vector128<uint> h0, Vector128<uint> h1, Vector128<uint> h2, Vector128<uint> h3,
        Vector128<uint> h4, Vector128<uint> h5, Vector128<uint> h6, Vector128<uint> h7)
    {
        Transpose4(h0, h1, h2, h3, out h0, out h1, out h2, out h3);
        Transpose4(h4, h5, h6, h7, out h4, out h5, out h6, out h7);
        StoreLane(outputs[0], h0, h4);
        StoreLane(outputs[1], h1, h5);
        StoreLane(outputs[2], h2, h6);
        StoreLane(outputs[3], h3, h7);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreLane(byte* output, Vector128<uint> low, Vector128<uint> high)
    {
        low.Store((uint*)output);
        high.Store((uint*)(output + 16));
    }
}
