using System;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace CloudImage.Sdk.Benchmarks.Hashing;

/// <summary>Reads everything once and adds it up: the least that a pass over data can cost.</summary>
internal static class VectorSum
{
    public static ulong Sum(ReadOnlySpan<byte> data)
    {
        ref byte start = ref MemoryMarshal.GetReference(data);
        nuint length = (nuint)data.Length;
        nuint offset = 0;
        ulong sum = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            Vector512<ulong> a = default;
            Vector512<ulong> b = default;
            Vector512<ulong> c = default;
            Vector512<ulong> d = default;
            for (; offset + 256 <= length; offset += 256)
            {
                a += Vector512.LoadUnsafe(ref start, offset).AsUInt64();
                b += Vector512.LoadUnsafe(ref start, offset + 64).AsUInt64();
                c += Vector512.LoadUnsafe(ref start, offset + 128).AsUInt64();
                d += Vector512.LoadUnsafe(ref start, offset + 192).AsUInt64();
            }

            sum = Vector512.Sum(a + b + c + d);
        }
        else
        {
            Vector256<ulong> a = default;
            Vector256<ulong> b = default;
            Vector256<ulong> c = default;
            Vector256<ulong> d = default;
            for (; offset + 128 <= length; offset += 128)
            {
                a += Vector256.LoadUnsafe(ref start, offset).AsUInt64();
                b += Vector256.LoadUnsafe(ref start, offset + 32).AsUInt64();
                c += Vector256.LoadUnsafe(ref start, offset + 64).AsUInt64();
                d += Vector256.LoadUnsafe(ref start, offset + 96).AsUInt64();
            }

            sum = Vector256.Sum(a + b + c + d);
        }

        foreach (byte value in data[(int)offset..])
        {
            sum += value;
        }

        return sum;
    }
}
