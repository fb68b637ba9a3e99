using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CloudImage.Sdk.Hashing;

/// <summary>SHA-256 over 16 inputs at once, one in each 32-bit lane of a <see cref="Vector512{T}"/>.</summary>
/// <remarks>Each line is the line of FIPS 180-4, section 6.2.2, done 16 times.</remarks>
internal static unsafe class Sha256Vector512
{
    public const int Lanes = 16;

    public static bool IsSupported => Blake3Vector512.IsSupported && Avx512BW.IsSupported;

    // The words of the message are big-endian.
    private static Vector128<byte> Order => Vector128.Create((byte)3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);

    /// <summary>Goes on with 16 hashes over whole blocks.</summary>
    /// <param name="state">Eight vectors of words, one vector after the other.</param>
    /// <param name="inputs">16 addresses.</param>
    /// <param name="blocks">The number of blocks of each.</param>
    [SkipLocalsInit]
    public static void Compress(uint* state, byte** inputs, int blocks)
    {
        byte* space = stackalloc byte[(Sha256Constants.Rounds * Lanes * sizeof(uint)) + 64];
        uint* w = (uint*)((nuint)(space + 63) & ~(nuint)63);
        uint* k = Sha256Constants.RoundConstants;
        for (int block = 0; block < blocks; block++)
        {
            Blake3Vector512.LoadMessage(inputs, (nuint)block * Sha256Constants.BlockSizeInBytes, w);
            Schedule(w);
            Vector512<uint> a = Vector512.Load(state + (0 * Lanes));
            Vector512<uint> b = Vector512.Load(state + (1 * Lanes));
            Vector512<uint> c = Vector512.Load(state + (2 * Lanes));
            Vector512<uint> d = Vector512.Load(state + (3 * Lanes));
            Vector512<uint> e = Vector512.Load(state + (4 * Lanes));
            Vector512<uint> f = Vector512.Load(state + (5 * Lanes));
            Vector512<uint> g = Vector512.Load(state + (6 * Lanes));
            Vector512<uint> h = Vector512.Load(state + (7 * Lanes));
            for (int t = 0; t < Sha256Constants.Rounds; t += 8)
            {
                Round(a, b, c, ref d, e, f, g, ref h, w + ((t + 0) * Lanes), k + t + 0);
                Round(h, a, b, ref c, d, e, f, ref g, w + ((t + 1) * Lanes), k + t + 1);
                Round(g, h, a, ref b, c, d, e, ref f, w + ((t + 2) * Lanes), k + t + 2);
                Round(f, g, h, ref a, b, c, d, ref e, w + ((t + 3) * Lanes), k + t + 3);
                Round(e, f, g, ref h, a, b, c, ref d, w + ((t + 4) * Lanes), k + t + 4);
                Round(d, e, f, ref g, h, a, b, ref c, w + ((t + 5) * Lanes), k + t + 5);
                Round(c, d, e, ref f, g, h, a, ref b, w + ((t + 6) * Lanes), k + t + 6);
                Round(b, c, d, ref e, f, g, h, ref a, w + ((t + 7) * Lanes), k + t + 7);
            }

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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Schedule(uint* w)
    {
        for (int t = 0; t < 16; t++)
        {
            SwapBytes(Vector512.Load(w + (t * Lanes))).Store(w + (t * Lanes));
        }

        for (int t = 16; t < Sha256Constants.Rounds; t++)
        {
            Vector512<uint> w15 = Vector512.Load(w + ((t - 15) * Lanes));
            Vector512<uint> w2 = Vector512.Load(w + ((t - 2) * Lanes));
            Vector512<uint> sigma0 = Xor(Rotate(w15, 7), Rotate(w15, 18), w15 >>> 3);
            Vector512<uint> sigma1 = Xor(Rotate(w2, 17), Rotate(w2, 19), w2 >>> 10);
            Vector512<uint> sum = Vector512.Load(w + ((t - 16) * Lanes)) + Vector512.Load(w + ((t - 7) * Lanes));
            (sum + sigma0 + sigma1).Store(w + (t * Lanes));
        }
    }

    // The names stay and the registers turn: the caller passes them one place further in each round.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(
        Vector512<uint> a, Vector512<uint> b, Vector512<uint> c, ref Vector512<uint> d,
        Vector512<uint> e, Vector512<uint> f, Vector512<uint> g, ref Vector512<uint> h,
        uint* w, uint* k)
    {
        Vector512<uint> sum = h + Vector512.Load(w) + Vector512.Create(*k);
        sum = sum + Choose(e, f, g) + Xor(Rotate(e, 6), Rotate(e, 11), Rotate(e, 25));
        d += sum;
        h = sum + Majority(a, b, c) + Xor(Rotate(a, 2), Rotate(a, 13), Rotate(a, 22));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Rotate(Vector512<uint> value, [ConstantExpected] byte count) =>
        Avx512F.RotateRight(value, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Xor(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        Avx512F.TernaryLogic(a, b, c, 0x96);

    // Where e is set the bit of f, else that of g.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Choose(Vector512<uint> e, Vector512<uint> f, Vector512<uint> g) =>
        Avx512F.TernaryLogic(e, f, g, 0xCA);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Majority(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        Avx512F.TernaryLogic(a, b, c, 0xE8);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> SwapBytes(Vector512<uint> value) =>
        Avx512BW.Shuffle(value.AsByte(), Vector512.Create(Vector256.Create(Order, Order), Vector256.Create(Order, Order))).AsUInt32();
}
