using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CloudImage.Sdk.Hashing;

/// <summary>SHA-256 over 16 inputs at once, one in each 32-bit lane of a <see cref="Vector512{T}"/>.</summary>
/// <remarks>Each line is the line of FIPS 180-4, section 6.2.2, done 16 times.</remarks>
internal static unsafe class Sha256Vector512
{
    public const int Lanes = 16;

    private const int FetchAheadInBytes = 512;

    public static bool IsSupported => Blake3Vector512.IsSupported && Avx512BW.IsSupported;

    /// <summary>How a round sums its words: each form is the faster one on some core.</summary>
    internal interface ISums
    {
        /// <summary>Gets whether the new a takes the sum that the new e is made of: two additions less, a longer way from one e to the next.</summary>
        public static abstract bool AreShared { get; }
    }

    /// <summary>Goes on with 16 hashes over whole blocks, in the form for this core.</summary>
    /// <param name="state">Eight vectors of words, one vector after the other.</param>
    /// <param name="inputs">16 addresses.</param>
    /// <param name="blocks">The number of blocks of each.</param>
    public static void Compress(uint* state, byte** inputs, int blocks)
    {
        if (ProcessorCore.SplitsVectors512)
        {
            Compress<SharedSums>(state, inputs, blocks);
        }
        else
        {
            Compress<SeparateSums>(state, inputs, blocks);
        }
    }

    /// <summary>Goes on with 16 hashes over whole blocks.</summary>
    /// <param name="state">Eight vectors of words, one vector after the other.</param>
    /// <param name="inputs">16 addresses.</param>
    /// <param name="blocks">The number of blocks of each.</param>
    [SkipLocalsInit]
    internal static void Compress<TSums>(uint* state, byte** inputs, int blocks)
        where TSums : struct, ISums
    {
        if (blocks == 0)
        {
            return;
        }

        byte* space = stackalloc byte[(16 * Lanes * sizeof(uint)) + 64];
        uint* m = (uint*)((nuint)(space + 63) & ~(nuint)63);
        uint* k = Sha256Constants.RoundConstants;

        for (int quarter = 0; quarter < 4; quarter++)
        {
            LoadQuarter(inputs, 0, quarter, m);
            LoadQuarter(inputs + 8, 0, quarter, m + 8);
        }

        for (int block = 0; block < blocks; block++)
        {
            Vector512<uint> w0 = Vector512.Load(m + (0 * Lanes));
            Vector512<uint> w1 = Vector512.Load(m + (1 * Lanes));
            Vector512<uint> w2 = Vector512.Load(m + (2 * Lanes));
            Vector512<uint> w3 = Vector512.Load(m + (3 * Lanes));
            Vector512<uint> w4 = Vector512.Load(m + (4 * Lanes));
            Vector512<uint> w5 = Vector512.Load(m + (5 * Lanes));
            Vector512<uint> w6 = Vector512.Load(m + (6 * Lanes));
            Vector512<uint> w7 = Vector512.Load(m + (7 * Lanes));
            Vector512<uint> w8 = Vector512.Load(m + (8 * Lanes));
            Vector512<uint> w9 = Vector512.Load(m + (9 * Lanes));
            Vector512<uint> w10 = Vector512.Load(m + (10 * Lanes));
            Vector512<uint> w11 = Vector512.Load(m + (11 * Lanes));
            Vector512<uint> w12 = Vector512.Load(m + (12 * Lanes));
            Vector512<uint> w13 = Vector512.Load(m + (13 * Lanes));
            Vector512<uint> w14 = Vector512.Load(m + (14 * Lanes));
            Vector512<uint> w15 = Vector512.Load(m + (15 * Lanes));
            Vector512<uint> a = Vector512.Load(state + (0 * Lanes));
            Vector512<uint> b = Vector512.Load(state + (1 * Lanes));
            Vector512<uint> c = Vector512.Load(state + (2 * Lanes));
            Vector512<uint> d = Vector512.Load(state + (3 * Lanes));
            Vector512<uint> e = Vector512.Load(state + (4 * Lanes));
            Vector512<uint> f = Vector512.Load(state + (5 * Lanes));
            Vector512<uint> g = Vector512.Load(state + (6 * Lanes));
            Vector512<uint> h = Vector512.Load(state + (7 * Lanes));
            for (uint* kt = k; kt != k + 48; kt += 16)
            {
                Round<TSums>(a, b, c, ref d, e, f, g, ref h, w0, kt[0]);
                w0 = Next(w0, w1, w9, w14);
                Round<TSums>(h, a, b, ref c, d, e, f, ref g, w1, kt[1]);
                w1 = Next(w1, w2, w10, w15);
                Round<TSums>(g, h, a, ref b, c, d, e, ref f, w2, kt[2]);
                w2 = Next(w2, w3, w11, w0);
                Round<TSums>(f, g, h, ref a, b, c, d, ref e, w3, kt[3]);
                w3 = Next(w3, w4, w12, w1);
                Round<TSums>(e, f, g, ref h, a, b, c, ref d, w4, kt[4]);
                w4 = Next(w4, w5, w13, w2);
                Round<TSums>(d, e, f, ref g, h, a, b, ref c, w5, kt[5]);
                w5 = Next(w5, w6, w14, w3);
                Round<TSums>(c, d, e, ref f, g, h, a, ref b, w6, kt[6]);
                w6 = Next(w6, w7, w15, w4);
                Round<TSums>(b, c, d, ref e, f, g, h, ref a, w7, kt[7]);
                w7 = Next(w7, w8, w0, w5);
                Round<TSums>(a, b, c, ref d, e, f, g, ref h, w8, kt[8]);
                w8 = Next(w8, w9, w1, w6);
                Round<TSums>(h, a, b, ref c, d, e, f, ref g, w9, kt[9]);
                w9 = Next(w9, w10, w2, w7);
                Round<TSums>(g, h, a, ref b, c, d, e, ref f, w10, kt[10]);
                w10 = Next(w10, w11, w3, w8);
                Round<TSums>(f, g, h, ref a, b, c, d, ref e, w11, kt[11]);
                w11 = Next(w11, w12, w4, w9);
                Round<TSums>(e, f, g, ref h, a, b, c, ref d, w12, kt[12]);
                w12 = Next(w12, w13, w5, w10);
                Round<TSums>(d, e, f, ref g, h, a, b, ref c, w13, kt[13]);
                w13 = Next(w13, w14, w6, w11);
                Round<TSums>(c, d, e, ref f, g, h, a, ref b, w14, kt[14]);
                w14 = Next(w14, w15, w7, w12);
                Round<TSums>(b, c, d, ref e, f, g, h, ref a, w15, kt[15]);
                w15 = Next(w15, w0, w8, w13);
            }

            // No words are made any more and their registers become free: the next block's are put in order meanwhile, or for
            // want of one the same again.
            nuint nextOffset = (nuint)Math.Min(block + 1, blocks - 1) * Sha256Constants.BlockSizeInBytes;
            LoadQuarter(inputs, nextOffset, 0, m);
            Round<TSums>(a, b, c, ref d, e, f, g, ref h, w0, k[48 + 0]);
            Round<TSums>(h, a, b, ref c, d, e, f, ref g, w1, k[48 + 1]);
            LoadQuarter(inputs, nextOffset, 1, m);
            Round<TSums>(g, h, a, ref b, c, d, e, ref f, w2, k[48 + 2]);
            Round<TSums>(f, g, h, ref a, b, c, d, ref e, w3, k[48 + 3]);
            LoadQuarter(inputs, nextOffset, 2, m);
            Round<TSums>(e, f, g, ref h, a, b, c, ref d, w4, k[48 + 4]);
            Round<TSums>(d, e, f, ref g, h, a, b, ref c, w5, k[48 + 5]);
            LoadQuarter(inputs, nextOffset, 3, m);
            Round<TSums>(c, d, e, ref f, g, h, a, ref b, w6, k[48 + 6]);
            Round<TSums>(b, c, d, ref e, f, g, h, ref a, w7, k[48 + 7]);
            LoadQuarter(inputs + 8, nextOffset, 0, m + 8);
            Round<TSums>(a, b, c, ref d, e, f, g, ref h, w8, k[48 + 8]);
            Round<TSums>(h, a, b, ref c, d, e, f, ref g, w9, k[48 + 9]);
            LoadQuarter(inputs + 8, nextOffset, 1, m + 8);
            Round<TSums>(g, h, a, ref b, c, d, e, ref f, w10, k[48 + 10]);
            Round<TSums>(f, g, h, ref a, b, c, d, ref e, w11, k[48 + 11]);
            LoadQuarter(inputs + 8, nextOffset, 2, m + 8);
            Round<TSums>(e, f, g, ref h, a, b, c, ref d, w12, k[48 + 12]);
            Round<TSums>(d, e, f, ref g, h, a, b, ref c, w13, k[48 + 13]);
            LoadQuarter(inputs + 8, nextOffset, 3, m + 8);
            Round<TSums>(c, d, e, ref f, g, h, a, ref b, w14, k[48 + 14]);
            Round<TSums>(b, c, d, ref e, f, g, h, ref a, w15, k[48 + 15]);

            (a + Vector512.Load(state + (0 * Lanes))).Store(state + (0 * Lanes));
            (b + Vector512.Load(state + (1 * Lanes))).Store(state + (1 * Lanes));
            (c + Vector512.Load(state + (2 * Lanes))).Store(state + (2 * Lanes));
            (d + Vector512.Load(state + (3 * Lanes))).Store(state + (3 * Lanes));
            (e + Vector512.Load(state + (4 * Lanes))).Store(state + (4 * Lanes));
            (f + Vector512.Load(state + (5 * Lanes))).Store(state + (5 * Lanes));
            (g + Vector512.Load(state + (6 * Lanes))).Store(state + (6 * Lanes));
            (h + Vector512.Load(state + (7 * Lanes))).Store(state + (7 * Lanes));
        }
    }

    // Words 4 * quarter to 4 * quarter + 3 of eight inputs, each word's to half a vector. They are big-endian.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadQuarter(byte** inputs, nuint offset, int quarter, uint* m)
    {
        Sse.Prefetch1(inputs[2 * quarter] + offset + FetchAheadInBytes);
        Sse.Prefetch1(inputs[(2 * quarter) + 1] + offset + FetchAheadInBytes);
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
        Avx2.Shuffle(
            Vector256.Create(Vector128.Load(low), Vector128.Load(high)),
            Vector256.Create(0x04050607_00010203, 0x0c0d0e0f_08090a0b, 0x04050607_00010203, 0x0c0d0e0f_08090a0b).AsByte()).AsUInt32();

    // Word t from the words t - 16, t - 15, t - 7 and t - 2, the one that is made last added last.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Next(Vector512<uint> w16, Vector512<uint> w15, Vector512<uint> w7, Vector512<uint> w2) =>
        (w16 + w7
            + Avx512F.TernaryLogic(Avx512F.RotateRight(w15, 7), Avx512F.RotateRight(w15, 18), Avx512F.ShiftRightLogical(w15, 3), 0x96))
        + Avx512F.TernaryLogic(Avx512F.RotateRight(w2, 17), Avx512F.RotateRight(w2, 19), Avx512F.ShiftRightLogical(w2, 10), 0x96);

    // The names stay and the registers turn: the caller passes them one place further in each round.
    // The truth tables: 0xCA takes the bit of f where e is set, else that of g; 0xE8 is the majority; 0x96 is the exclusive
    // or of three.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round<TSums>(
        Vector512<uint> a, Vector512<uint> b, Vector512<uint> c, ref Vector512<uint> d,
        Vector512<uint> e, Vector512<uint> f, Vector512<uint> g, ref Vector512<uint> h,
        Vector512<uint> w, uint k)
        where TSums : struct, ISums
    {
        Vector512<uint> early = h + (w + Vector512.Create(k));
        Vector512<uint> choice = Avx512F.TernaryLogic(e, f, g, 0xCA);
        Vector512<uint> sigma = Avx512F.TernaryLogic(
            Avx512F.RotateRight(e, 6), Avx512F.RotateRight(e, 11), Avx512F.RotateRight(e, 25), 0x96);
        if (TSums.AreShared)
        {
            Vector512<uint> first = early + choice + sigma;
            d += first;
            h = first + (Avx512F.TernaryLogic(a, b, c, 0xE8)
                + Avx512F.TernaryLogic(Avx512F.RotateRight(a, 2), Avx512F.RotateRight(a, 13), Avx512F.RotateRight(a, 22), 0x96));
        }
        else
        {
            // What depends on the old e last.
            Vector512<uint> sum = (early + Avx512F.TernaryLogic(a, b, c, 0xE8)) + choice + sigma;
            d = (d + early) + choice + sigma;
            h = sum + Avx512F.TernaryLogic(Avx512F.RotateRight(a, 2), Avx512F.RotateRight(a, 13), Avx512F.RotateRight(a, 22), 0x96);
        }
    }

    internal readonly struct SharedSums : ISums
    {
        public static bool AreShared => true;
    }

    internal readonly struct SeparateSums : ISums
    {
        public static bool AreShared => false;
    }
}
