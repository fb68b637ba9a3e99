using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CloudImage.Sdk.Hashing;

/// <summary>BLAKE3 over one block, the four rows of the state in one <see cref="Vector128{T}"/> each.</summary>
/// <remarks>
/// Lane i of the rows is column i. For the diagonals, rows 0, 2 and 3 are turned and row 1, the last to be ready, stays;
/// the message vectors of the diagonal half are kept turned likewise. Equals <see cref="Blake3Scalar.Compress"/>.
/// </remarks>
internal static unsafe class Blake3Rows
{
    public static bool IsSupported => Ssse3.IsSupported && Sse41.IsSupported;

    /// <summary>Compresses one block into a chaining value.</summary>
    /// <param name="chainingValue">Eight words, replaced by the result.</param>
    /// <param name="block">64 bytes, zero-padded.</param>
    /// <param name="blockLength">The number of bytes of the block that are input.</param>
    /// <param name="counter">The leaf's number; zero for parents.</param>
    /// <param name="flags">The flags of the block.</param>
    public static void Compress(uint* chainingValue, byte* block, uint blockLength, ulong counter, uint flags)
    {
        Vector128<uint> row0 = Vector128.Load(chainingValue);
        Vector128<uint> row1 = Vector128.Load(chainingValue + 4);
        Vector128<uint> row2 = Vector128.Create(
            Blake3Constants.Iv0, Blake3Constants.Iv1, Blake3Constants.Iv2, Blake3Constants.Iv3);
        Vector128<uint> row3 = Vector128.Create((uint)counter, (uint)(counter >> 32), blockLength, flags);

        // Even and odd words of the first half, then of the second half turned by one lane.
        Vector128<float> words0 = Vector128.Load((uint*)block).AsSingle();
        Vector128<float> words4 = Vector128.Load((uint*)block + 4).AsSingle();
        Vector128<float> words8 = Vector128.Load((uint*)block + 8).AsSingle();
        Vector128<float> words12 = Vector128.Load((uint*)block + 12).AsSingle();
        Vector128<float> m0 = Sse.Shuffle(words0, words4, 0b10_00_10_00);
        Vector128<float> m1 = Sse.Shuffle(words0, words4, 0b11_01_11_01);
        Vector128<float> m2 = Turn(Sse.Shuffle(words8, words12, 0b10_00_10_00));
        Vector128<float> m3 = Turn(Sse.Shuffle(words8, words12, 0b11_01_11_01));

        Round(ref row0, ref row1, ref row2, ref row3, m0, m1, m2, m3);
        for (int round = 1; round < 7; round++)
        {
            // The specification's permutation, on the words where they stand:
            // m0 = (x0 x2 x4 x6), m1 = (x1 x3 x5 x7), m2 = (x14 x8 x10 x12), m3 = (x15 x9 x11 x13).
            Vector128<float> n0 = Reorder(Sse.Shuffle(m0, m1, 0b11_01_10_01));
            Vector128<float> n1 = Sse41.Blend(
                Sse.Shuffle(m0, m0, 0b00_00_00_11), Sse.Shuffle(m2, m3, 0b11_11_10_10), 0b1010);
            Vector128<float> n2 = Sse.Shuffle(
                Sse.UnpackLow(m3, m1), Sse.Shuffle(m2, m3, 0b01_01_11_11), 0b10_00_01_00);
            Vector128<float> n3 = Sse.Shuffle(
                Sse.Shuffle(m2, m3, 0b10_10_01_01), Sse.Shuffle(m1, m2, 0b00_00_10_10), 0b10_00_10_00);
            m0 = n0;
            m1 = n1;
            m2 = n2;
            m3 = n3;
            Round(ref row0, ref row1, ref row2, ref row3, m0, m1, m2, m3);
        }

        (row0 ^ row2).Store(chainingValue);
        (row1 ^ row3).Store(chainingValue + 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(
        ref Vector128<uint> row0, ref Vector128<uint> row1, ref Vector128<uint> row2, ref Vector128<uint> row3,
        Vector128<float> m0, Vector128<float> m1, Vector128<float> m2, Vector128<float> m3)
    {
        Mix(ref row0, ref row1, ref row2, ref row3, m0.AsUInt32(), m1.AsUInt32());
        row0 = Sse2.Shuffle(row0, 0b10_01_00_11);
        row3 = Sse2.Shuffle(row3, 0b01_00_11_10);
        row2 = Sse2.Shuffle(row2, 0b00_11_10_01);
        Mix(ref row0, ref row1, ref row2, ref row3, m2.AsUInt32(), m3.AsUInt32());
        row0 = Sse2.Shuffle(row0, 0b00_11_10_01);
        row3 = Sse2.Shuffle(row3, 0b01_00_11_10);
        row2 = Sse2.Shuffle(row2, 0b10_01_00_11);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Mix(
        ref Vector128<uint> a, ref Vector128<uint> b, ref Vector128<uint> c, ref Vector128<uint> d,
        Vector128<uint> x, Vector128<uint> y)
    {
        a = a + x + b;
        d = Blake3Vector128.RotateRight16(d ^ a);
        c += d;
        b = Blake3Vector128.RotateRight12(b ^ c);
        a = a + y + b;
        d = Blake3Vector128.RotateRight8(d ^ a);
        c += d;
        b = Blake3Vector128.RotateRight7(b ^ c);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Turn(Vector128<float> value) => Sse.Shuffle(value, value, 0b10_01_00_11);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Reorder(Vector128<float> value) => Sse.Shuffle(value, value, 0b01_11_10_00);
}
