using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CloudImage.Sdk.Hashing;

/// <content>Two states of sixteen lanes, one a round ahead of the other.</content>
/// <remarks>
/// For cores that take two passes for a vector of 512 bits and so are bound by the number of operations, not by how long
/// one waits for another. The two states together fill the 32 registers. One is a round ahead, so that each does one round of a
/// block alone: there registers are free, and the other one's next message is transposed among the steps of that round.
/// The transposition is done in vectors of 256 bits, which takes less of the shuffle unit: loading four words into the
/// upper half of one is no shuffle. A line of the round is one step of four columns or diagonals, and the states' lines alternate,
/// which keeps eight independent operations in a row.
/// </remarks>
internal static unsafe partial class Blake3Vector512
{
    /// <summary>Gets whether <see cref="CompressStaggered"/> is faster than <see cref="CompressPair"/> on this core.</summary>
    public static bool IsStaggeredFaster => IsSupported && ProcessorCore.SplitsVectors512;

    /// <summary>Compresses the blocks of 32 inputs into 32 chaining values; see <see cref="CompressPair"/>.</summary>
    [SkipLocalsInit]
    public static void CompressStaggered(
        byte** inputs,
        byte** nextInputs,
        byte** outputs,
        uint* counters,
        int blocks,
        uint* key,
        uint flags,
        uint firstFlags,
        uint lastFlags,
        uint lastLength)
    {
        const int MessageWords = 16 * Lanes;
        byte* space = stackalloc byte[(((3 * MessageWords) + (4 * Lanes)) * sizeof(uint)) + 64];
        uint* m = (uint*)((nuint)(space + 63) & ~(nuint)63);
        uint* n = m + MessageWords;
        uint* g = n + MessageWords;
        uint* h = g + (8 * Lanes);
        uint* iv = h + (8 * Lanes);

        // v, m and g are of the state that is ahead, w, n and h of the other; they change places after each step.
        for (int i = 0; i < 8; i++)
        {
            Vector512.Create(key[i]).Store(h + (i * Lanes));
        }

        Vector512.Create(Blake3Constants.Iv0).Store(iv + (0 * Lanes));
        Vector512.Create(Blake3Constants.Iv1).Store(iv + (1 * Lanes));
        Vector512.Create(Blake3Constants.Iv2).Store(iv + (2 * Lanes));
        Vector512.Create(Blake3Constants.Iv3).Store(iv + (3 * Lanes));

        TransposeFirst(inputs, m);
        Vector512<uint> v0 = Vector512.Load(h + (0 * Lanes));
        Vector512<uint> v1 = Vector512.Load(h + (1 * Lanes));
        Vector512<uint> v2 = Vector512.Load(h + (2 * Lanes));
        Vector512<uint> v3 = Vector512.Load(h + (3 * Lanes));
        Vector512<uint> v4 = Vector512.Load(h + (4 * Lanes));
        Vector512<uint> v5 = Vector512.Load(h + (5 * Lanes));
        Vector512<uint> v6 = Vector512.Load(h + (6 * Lanes));
        Vector512<uint> v7 = Vector512.Load(h + (7 * Lanes));
        ushort* firstOrder = Blake3Constants.MessageOrder(Lanes);
        ushort* lastOrder = firstOrder + (6 * 16);
        ushort* order = firstOrder;
        uint blockLength = blocks == 1 ? lastLength : Blake3Constants.BlockSizeInBytes;
        uint blockFlags = flags | firstFlags | (blocks == 1 ? lastFlags : 0);

        Vector512<uint> v8 = Vector512.Load(iv + (0 * Lanes));
        Vector512<uint> v9 = Vector512.Load(iv + (1 * Lanes));
        Vector512<uint> v10 = Vector512.Load(iv + (2 * Lanes));
        Vector512<uint> v11 = Vector512.Load(iv + (3 * Lanes));
        Vector512<uint> v12 = Vector512.Load(counters);
        Vector512<uint> v13 = Vector512.Load(counters + PairLanes);
        Vector512<uint> v14 = Vector512.Create(blockLength);
        Vector512<uint> v15 = Vector512.Create(blockFlags);
        byte** rows = inputs + Lanes;
        byte** nextRows = nextInputs + Lanes;
        uint* rowCounters = counters + Lanes;
        nuint offset = 0;
        for (int step = 1; ; step++)
        {
            // The first round of the first state, or the last of the second one.
            TransposeQuarter(rows, nextRows, offset, 0, n);
            AddMessage(ref v0, ref v1, ref v2, ref v3, m, order);
            Add(ref v0, ref v1, ref v2, ref v3, v4, v5, v6, v7);
            TransposeQuarter(rows, nextRows, offset, 1, n);
            XorRotate(ref v12, ref v13, ref v14, ref v15, v0, v1, v2, v3, 16);
            Add(ref v8, ref v9, ref v10, ref v11, v12, v13, v14, v15);
            XorRotate(ref v4, ref v5, ref v6, ref v7, v8, v9, v10, v11, 12);
            TransposeQuarter(rows, nextRows, offset, 2, n);
            AddMessage(ref v0, ref v1, ref v2, ref v3, m, order + 1);
            Add(ref v0, ref v1, ref v2, ref v3, v4, v5, v6, v7);
            TransposeQuarter(rows, nextRows, offset, 3, n);
            XorRotate(ref v12, ref v13, ref v14, ref v15, v0, v1, v2, v3, 8);
            Add(ref v8, ref v9, ref v10, ref v11, v12, v13, v14, v15);
            XorRotate(ref v4, ref v5, ref v6, ref v7, v8, v9, v10, v11, 7);
            TransposeQuarter(rows + 8, nextRows + 8, offset, 0, n + 8);
            AddMessage(ref v0, ref v1, ref v2, ref v3, m, order + 8);
            Add(ref v0, ref v1, ref v2, ref v3, v5, v6, v7, v4);
            TransposeQuarter(rows + 8, nextRows + 8, offset, 1, n + 8);
            XorRotate(ref v15, ref v12, ref v13, ref v14, v0, v1, v2, v3, 16);
            Add(ref v10, ref v11, ref v8, ref v9, v15, v12, v13, v14);
            XorRotate(ref v5, ref v6, ref v7, ref v4, v10, v11, v8, v9, 12);
            TransposeQuarter(rows + 8, nextRows + 8, offset, 2, n + 8);
            AddMessage(ref v0, ref v1, ref v2, ref v3, m, order + 9);
            Add(ref v0, ref v1, ref v2, ref v3, v5, v6, v7, v4);
            TransposeQuarter(rows + 8, nextRows + 8, offset, 3, n + 8);
            XorRotate(ref v15, ref v12, ref v13, ref v14, v0, v1, v2, v3, 8);
            Add(ref v10, ref v11, ref v8, ref v9, v15, v12, v13, v14);
            XorRotate(ref v5, ref v6, ref v7, ref v4, v10, v11, v8, v9, 7);
            Vector512<uint> w0 = Vector512.Load(h + (0 * Lanes));
            Vector512<uint> w1 = Vector512.Load(h + (1 * Lanes));
            Vector512<uint> w2 = Vector512.Load(h + (2 * Lanes));
            Vector512<uint> w3 = Vector512.Load(h + (3 * Lanes));
            Vector512<uint> w4 = Vector512.Load(h + (4 * Lanes));
            Vector512<uint> w5 = Vector512.Load(h + (5 * Lanes));
            Vector512<uint> w6 = Vector512.Load(h + (6 * Lanes));
            Vector512<uint> w7 = Vector512.Load(h + (7 * Lanes));
            Vector512<uint> w8 = Vector512.Load(iv + (0 * Lanes));
            Vector512<uint> w9 = Vector512.Load(iv + (1 * Lanes));
            Vector512<uint> w10 = Vector512.Load(iv + (2 * Lanes));
            Vector512<uint> w11 = Vector512.Load(iv + (3 * Lanes));
            Vector512<uint> w12 = Vector512.Load(rowCounters);
            Vector512<uint> w13 = Vector512.Load(rowCounters + PairLanes);
            Vector512<uint> w14 = Vector512.Create(blockLength);
            Vector512<uint> w15 = Vector512.Create(blockFlags);
            for (; order != lastOrder; order += 16)
            {
                AddMessage(ref v0, ref v1, ref v2, ref v3, m, order + 16);
                Add(ref v0, ref v1, ref v2, ref v3, v4, v5, v6, v7);
                AddMessage(ref w0, ref w1, ref w2, ref w3, n, order);
                XorRotate(ref v12, ref v13, ref v14, ref v15, v0, v1, v2, v3, 16);
                Add(ref w0, ref w1, ref w2, ref w3, w4, w5, w6, w7);
                Add(ref v8, ref v9, ref v10, ref v11, v12, v13, v14, v15);
                XorRotate(ref w12, ref w13, ref w14, ref w15, w0, w1, w2, w3, 16);
                XorRotate(ref v4, ref v5, ref v6, ref v7, v8, v9, v10, v11, 12);
                Add(ref w8, ref w9, ref w10, ref w11, w12, w13, w14, w15);
                AddMessage(ref v0, ref v1, ref v2, ref v3, m, order + 17);
                XorRotate(ref w4, ref w5, ref w6, ref w7, w8, w9, w10, w11, 12);
                Add(ref v0, ref v1, ref v2, ref v3, v4, v5, v6, v7);
                AddMessage(ref w0, ref w1, ref w2, ref w3, n, order + 1);
                XorRotate(ref v12, ref v13, ref v14, ref v15, v0, v1, v2, v3, 8);
                Add(ref w0, ref w1, ref w2, ref w3, w4, w5, w6, w7);
                Add(ref v8, ref v9, ref v10, ref v11, v12, v13, v14, v15);
                XorRotate(ref w12, ref w13, ref w14, ref w15, w0, w1, w2, w3, 8);
                XorRotate(ref v4, ref v5, ref v6, ref v7, v8, v9, v10, v11, 7);
                Add(ref w8, ref w9, ref w10, ref w11, w12, w13, w14, w15);
                XorRotate(ref w4, ref w5, ref w6, ref w7, w8, w9, w10, w11, 7);
                AddMessage(ref v0, ref v1, ref v2, ref v3, m, order + 24);
                Add(ref v0, ref v1, ref v2, ref v3, v5, v6, v7, v4);
                AddMessage(ref w0, ref w1, ref w2, ref w3, n, order + 8);
                XorRotate(ref v15, ref v12, ref v13, ref v14, v0, v1, v2, v3, 16);
                Add(ref w0, ref w1, ref w2, ref w3, w5, w6, w7, w4);
                Add(ref v10, ref v11, ref v8, ref v9, v15, v12, v13, v14);
                XorRotate(ref w15, ref w12, ref w13, ref w14, w0, w1, w2, w3, 16);
                XorRotate(ref v5, ref v6, ref v7, ref v4, v10, v11, v8, v9, 12);
                Add(ref w10, ref w11, ref w8, ref w9, w15, w12, w13, w14);
                AddMessage(ref v0, ref v1, ref v2, ref v3, m, order + 25);
                XorRotate(ref w5, ref w6, ref w7, ref w4, w10, w11, w8, w9, 12);
                Add(ref v0, ref v1, ref v2, ref v3, v5, v6, v7, v4);
                AddMessage(ref w0, ref w1, ref w2, ref w3, n, order + 9);
                XorRotate(ref v15, ref v12, ref v13, ref v14, v0, v1, v2, v3, 8);
                Add(ref w0, ref w1, ref w2, ref w3, w5, w6, w7, w4);
                Add(ref v10, ref v11, ref v8, ref v9, v15, v12, v13, v14);
                XorRotate(ref w15, ref w12, ref w13, ref w14, w0, w1, w2, w3, 8);
                XorRotate(ref v5, ref v6, ref v7, ref v4, v10, v11, v8, v9, 7);
                Add(ref w10, ref w11, ref w8, ref w9, w15, w12, w13, w14);
                XorRotate(ref w5, ref w6, ref w7, ref w4, w10, w11, w8, w9, 7);
            }

            (v0 ^ v8).Store(g + (0 * Lanes));
            (v1 ^ v9).Store(g + (1 * Lanes));
            (v2 ^ v10).Store(g + (2 * Lanes));
            (v3 ^ v11).Store(g + (3 * Lanes));
            (v4 ^ v12).Store(g + (4 * Lanes));
            (v5 ^ v13).Store(g + (5 * Lanes));
            (v6 ^ v14).Store(g + (6 * Lanes));
            (v7 ^ v15).Store(g + (7 * Lanes));

            if (step == 2 * blocks)
            {
                break;
            }

            v0 = w0;
            v1 = w1;
            v2 = w2;
            v3 = w3;
            v4 = w4;
            v5 = w5;
            v6 = w6;
            v7 = w7;
            v8 = w8;
            v9 = w9;
            v10 = w10;
            v11 = w11;
            v12 = w12;
            v13 = w13;
            v14 = w14;
            v15 = w15;
            uint* swap = m;
            m = n;
            n = swap;
            swap = g;
            g = h;
            h = swap;
            if ((step & 1) != 0)
            {
                // The second state's last round, and the first one's next message: for want of one, the same again.
                order = lastOrder;
                rows = inputs;
                nextRows = nextInputs;
                rowCounters = counters;
                if (step + 1 < 2 * blocks)
                {
                    offset += Blake3Constants.BlockSizeInBytes;
                    blockFlags = flags;
                }

                if (step + 3 == 2 * blocks)
                {
                    blockFlags |= lastFlags;
                    blockLength = lastLength;
                }
            }
            else
            {
                order = firstOrder;
                rows = inputs + Lanes;
                nextRows = nextInputs + Lanes;
                rowCounters = counters + Lanes;
            }
        }

        // The last step left the second state in the first one's place.
        StoreChainingValues(outputs, h);
        StoreChainingValues(outputs + Lanes, g);
    }

    private static void TransposeFirst(byte** inputs, uint* m)
    {
        for (int quarter = 0; quarter < 4; quarter++)
        {
            TransposeQuarter(inputs, inputs, 0, quarter, m);
            TransposeQuarter(inputs + 8, inputs + 8, 0, quarter, m + 8);
        }
    }

    // Words 4 * quarter to 4 * quarter + 3 of eight inputs, each word's to half a vector.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TransposeQuarter(byte** inputs, byte** nextInputs, nuint offset, int quarter, uint* m)
    {
        Sse.Prefetch1(nextInputs[2 * quarter] + offset);
        Sse.Prefetch1(nextInputs[(2 * quarter) + 1] + offset);
        Sse.Prefetch0(inputs[2 * quarter] + offset + 127);
        Sse.Prefetch0(inputs[(2 * quarter) + 1] + offset + 127);
        offset += (nuint)quarter * 16;
        Vector256<uint> row0 = LoadRows(inputs[0] + offset, inputs[4] + offset);
        Vector256<uint> row1 = LoadRows(inputs[1] + offset, inputs[5] + offset);
        Vector256<uint> row2 = LoadRows(inputs[2] + offset, inputs[6] + offset);
        Vector256<uint> row3 = LoadRows(inputs[3] + offset, inputs[7] + offset);
        Vector256<ulong> low01 = Avx2.UnpackLow(row0, row1).AsUInt64();
        Vector256<ulong> high01 = Avx2.UnpackHigh(row0, row1).AsUInt64();
        Vector256<ulong> low23 = Avx2.UnpackLow(row2, row3).AsUInt64();
        Vector256<ulong> high23 = Avx2.UnpackHigh(row2, row3).AsUInt64();
        uint* words = m + (quarter * 4 * Lanes);
        Avx2.UnpackLow(low01, low23).AsUInt32().Store(words);
        Avx2.UnpackHigh(low01, low23).AsUInt32().Store(words + Lanes);
        Avx2.UnpackLow(high01, high23).AsUInt32().Store(words + (2 * Lanes));
        Avx2.UnpackHigh(high01, high23).AsUInt32().Store(words + (3 * Lanes));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> LoadRows(byte* low, byte* high) =>
        Vector256.Create(Vector128.Load((uint*)low), Vector128.Load((uint*)high));

    // The words of every other place of the order, from the one given.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddMessage(
        ref Vector512<uint> a0, ref Vector512<uint> a1, ref Vector512<uint> a2, ref Vector512<uint> a3, uint* m, ushort* order)
    {
        a0 += Vector512.Load(m + order[0]);
        a1 += Vector512.Load(m + order[2]);
        a2 += Vector512.Load(m + order[4]);
        a3 += Vector512.Load(m + order[6]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(
        ref Vector512<uint> a0, ref Vector512<uint> a1, ref Vector512<uint> a2, ref Vector512<uint> a3,
        Vector512<uint> b0, Vector512<uint> b1, Vector512<uint> b2, Vector512<uint> b3)
    {
        a0 += b0;
        a1 += b1;
        a2 += b2;
        a3 += b3;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void XorRotate(
        ref Vector512<uint> a0, ref Vector512<uint> a1, ref Vector512<uint> a2, ref Vector512<uint> a3,
        Vector512<uint> b0, Vector512<uint> b1, Vector512<uint> b2, Vector512<uint> b3,
        [ConstantExpected] byte count)
    {
        a0 ^= b0;
        a1 ^= b1;
        a2 ^= b2;
        a3 ^= b3;
        a0 = Avx512F.RotateRight(a0, count);
        a1 = Avx512F.RotateRight(a1, count);
        a2 = Avx512F.RotateRight(a2, count);
        a3 = Avx512F.RotateRight(a3, count);
    }
}
