using System;
using System.Buffers.Binary;
using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CloudImage.Sdk.Chunking;

/// <summary>Finds the first four-byte window with the lowest score.</summary>
/// <remarks>
/// The score of a window w, read in little-endian order, is <c>w * multiplier + addend</c> modulo 2^32, compared without
/// a sign. The kernels compare with a sign and add 2^31 to the addend instead, which orders the same.
/// In a vector of V bytes, lane l of the vectors read at offsets 0, 1, 2 and 3 covers the four windows at 4l. A step takes four
/// such vectors: each lane keeps the lowest score of its windows so far and the first step that had it. In the end the first
/// step that had the lowest score of all lanes is searched for its first window of that score. The last step is moved back to
/// end with the data; seeing windows twice changes nothing, for a later step never replaces an equal score.
/// </remarks>
internal static class MinCdcSearch
{
    public const int WindowSizeInBytes = sizeof(uint);

    private const int VectorsInAStep = 4;

    // Of 4 to 16 KiB the fastest from memory on Zen 4, as is asking for it before the first step (measured, random data).
    private const nuint PrefetchDistance = 6 * 1024;

    public static MinCdcKernel BestKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => !BitConverter.IsLittleEndian ? MinCdcKernel.Scalar
            : Vector512.IsHardwareAccelerated ? MinCdcKernel.Vector512
            : Vector256.IsHardwareAccelerated ? MinCdcKernel.Vector256
            : Vector128.IsHardwareAccelerated ? MinCdcKernel.Vector128
            : MinCdcKernel.Scalar;
    }

    /// <summary>Searches all windows of a span.</summary>
    /// <param name="data">At least four bytes.</param>
    /// <param name="multiplier">The factor.</param>
    /// <param name="addend">The number added.</param>
    /// <param name="kernel">The vector width; narrower ones take over when the data is short.</param>
    /// <returns>The index of the first window with the lowest score.</returns>
    public static unsafe int IndexOfMin(ReadOnlySpan<byte> data, uint multiplier, uint addend, MinCdcKernel kernel)
    {
        int windows = data.Length - WindowSizeInBytes + 1;
        fixed (byte* start = data)
        {
            if (kernel == MinCdcKernel.Vector512 && Vector512.IsHardwareAccelerated && windows >= VectorsInAStep * Vector512<byte>.Count)
            {
                return Find512(start, (nuint)windows, multiplier, addend);
            }

            if (kernel >= MinCdcKernel.Vector256 && Vector256.IsHardwareAccelerated && windows >= VectorsInAStep * Vector256<byte>.Count)
            {
                return Find256(start, (nuint)windows, multiplier, addend);
            }

            if (kernel >= MinCdcKernel.Vector128 && Vector128.IsHardwareAccelerated && windows >= VectorsInAStep * Vector128<byte>.Count)
            {
                return Find128(start, (nuint)windows, multiplier, addend);
            }
        }

        return IndexOfMinScalar(data, multiplier, addend);
    }

    /// <summary>Asks for the beginning of what will be searched.</summary>
    /// <remarks>Chunks are searched from their least size on, so the hardware sees a new stream at each and starts late.</remarks>
    /// <param name="data">What will be searched.</param>
    public static unsafe void PrefetchFirst(ReadOnlySpan<byte> data)
    {
        byte* start = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(data));
        for (nuint at = 0; at < PrefetchDistance; at += CacheLines.Size)
        {
            CacheLines.Prefetch(start + at);
        }
    }

    /// <summary>The definition, one window after the other.</summary>
    public static int IndexOfMinScalar(ReadOnlySpan<byte> data, uint multiplier, uint addend)
    {
        int best = 0;
        uint bestScore = uint.MaxValue;
        for (int i = 0; i + WindowSizeInBytes <= data.Length; i++)
        {
            uint score = (BinaryPrimitives.ReadUInt32LittleEndian(data[i..]) * multiplier) + addend;
            if (score < bestScore || i == 0)
            {
                best = i;
                bestScore = score;
            }
        }

        return best;
    }

    private static unsafe int Find512(byte* start, nuint windows, uint multiplier, uint addend)
    {
        Vector512<int> factor = Vector512.Create((int)multiplier);
        Vector512<int> offset = Vector512.Create((int)(addend ^ 0x80000000));
        Vector512<int> best = Vector512.Create(int.MaxValue);
        Vector512<int> bestStep = Vector512<int>.Zero;
        nuint size = VectorsInAStep * (nuint)Vector512<byte>.Count;
        nuint last = windows - size;
        for (nuint step = 0; ; step = Math.Min(step + size, last))
        {
            byte* data = start + step;
            CacheLines.Prefetch(data + PrefetchDistance);
            CacheLines.Prefetch(data + PrefetchDistance + CacheLines.Size);
            CacheLines.Prefetch(data + PrefetchDistance + (2 * CacheLines.Size));
            CacheLines.Prefetch(data + PrefetchDistance + (3 * CacheLines.Size));
            Vector512<int> lowest = Vector512.Min(
                Vector512.Min(Lowest(data, factor, offset), Lowest(data + Vector512<byte>.Count, factor, offset)),
                Vector512.Min(Lowest(data + (2 * Vector512<byte>.Count), factor, offset), Lowest(data + (3 * Vector512<byte>.Count), factor, offset)));
            bestStep = Vector512.ConditionalSelect(Vector512.LessThan(lowest, best), Vector512.Create((int)step), bestStep);
            best = Vector512.Min(lowest, best);
            if (step == last)
            {
                break;
            }
        }

        Span<int> scores = stackalloc int[Vector512<int>.Count];
        Span<int> steps = stackalloc int[Vector512<int>.Count];
        best.CopyTo(scores);
        bestStep.CopyTo(steps);
        (int score, int first) = FirstStep(scores, steps);
        return first + IndexOfScore(start + first, size, multiplier, addend, score);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe Vector512<int> Lowest(byte* data, Vector512<int> factor, Vector512<int> offset)
    {
        Vector512<int> a = (Vector512.Load(data).AsInt32() * factor) + offset;
        Vector512<int> b = (Vector512.Load(data + 1).AsInt32() * factor) + offset;
        Vector512<int> c = (Vector512.Load(data + 2).AsInt32() * factor) + offset;
        Vector512<int> d = (Vector512.Load(data + 3).AsInt32() * factor) + offset;
        return Vector512.Min(Vector512.Min(a, b), Vector512.Min(c, d));
    }

    private static unsafe int Find256(byte* start, nuint windows, uint multiplier, uint addend)
    {
        Vector256<int> factor = Vector256.Create((int)multiplier);
        Vector256<int> offset = Vector256.Create((int)(addend ^ 0x80000000));
        Vector256<int> best = Vector256.Create(int.MaxValue);
        Vector256<int> bestStep = Vector256<int>.Zero;
        nuint size = VectorsInAStep * (nuint)Vector256<byte>.Count;
        nuint last = windows - size;
        for (nuint step = 0; ; step = Math.Min(step + size, last))
        {
            byte* data = start + step;
            CacheLines.Prefetch(data + PrefetchDistance);
            CacheLines.Prefetch(data + PrefetchDistance + CacheLines.Size);
            Vector256<int> lowest = Vector256.Min(
                Vector256.Min(Lowest(data, factor, offset), Lowest(data + Vector256<byte>.Count, factor, offset)),
                Vector256.Min(Lowest(data + (2 * Vector256<byte>.Count), factor, offset), Lowest(data + (3 * Vector256<byte>.Count), factor, offset)));
            bestStep = Vector256.ConditionalSelect(Vector256.LessThan(lowest, best), Vector256.Create((int)step), bestStep);
            best = Vector256.Min(lowest, best);
            if (step == last)
            {
                break;
            }
        }

        Span<int> scores = stackalloc int[Vector256<int>.Count];
        Span<int> steps = stackalloc int[Vector256<int>.Count];
        best.CopyTo(scores);
        bestStep.CopyTo(steps);
        (int score, int first) = FirstStep(scores, steps);
        return first + IndexOfScore(start + first, size, multiplier, addend, score);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe Vector256<int> Lowest(byte* data, Vector256<int> factor, Vector256<int> offset)
    {
        Vector256<int> a = (Vector256.Load(data).AsInt32() * factor) + offset;
        Vector256<int> b = (Vector256.Load(data + 1).AsInt32() * factor) + offset;
        Vector256<int> c = (Vector256.Load(data + 2).AsInt32() * factor) + offset;
        Vector256<int> d = (Vector256.Load(data + 3).AsInt32() * factor) + offset;
        return Vector256.Min(Vector256.Min(a, b), Vector256.Min(c, d));
    }

    private static unsafe int Find128(byte* start, nuint windows, uint multiplier, uint addend)
    {
        Vector128<int> factor = Vector128.Create((int)multiplier);
        Vector128<int> offset = Vector128.Create((int)(addend ^ 0x80000000));
        Vector128<int> best = Vector128.Create(int.MaxValue);
        Vector128<int> bestStep = Vector128<int>.Zero;
        nuint size = VectorsInAStep * (nuint)Vector128<byte>.Count;
        nuint last = windows - size;
        for (nuint step = 0; ; step = Math.Min(step + size, last))
        {
            byte* data = start + step;
            CacheLines.Prefetch(data + PrefetchDistance);
            Vector128<int> lowest = Vector128.Min(
                Vector128.Min(Lowest(data, factor, offset), Lowest(data + Vector128<byte>.Count, factor, offset)),
                Vector128.Min(Lowest(data + (2 * Vector128<byte>.Count), factor, offset), Lowest(data + (3 * Vector128<byte>.Count), factor, offset)));
            bestStep = Vector128.ConditionalSelect(Vector128.LessThan(lowest, best), Vector128.Create((int)step), bestStep);
            best = Vector128.Min(lowest, best);
            if (step == last)
            {
                break;
            }
        }

        Span<int> scores = stackalloc int[Vector128<int>.Count];
        Span<int> steps = stackalloc int[Vector128<int>.Count];
        best.CopyTo(scores);
        bestStep.CopyTo(steps);
        (int score, int first) = FirstStep(scores, steps);
        return first + IndexOfScore(start + first, size, multiplier, addend, score);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe Vector128<int> Lowest(byte* data, Vector128<int> factor, Vector128<int> offset)
    {
        Vector128<int> a = (Vector128.Load(data).AsInt32() * factor) + offset;
        Vector128<int> b = (Vector128.Load(data + 1).AsInt32() * factor) + offset;
        Vector128<int> c = (Vector128.Load(data + 2).AsInt32() * factor) + offset;
        Vector128<int> d = (Vector128.Load(data + 3).AsInt32() * factor) + offset;
        return Vector128.Min(Vector128.Min(a, b), Vector128.Min(c, d));
    }

    /// <summary>The lowest score of the lanes, and the first step at which one of them had it.</summary>
    private static (int Score, int Step) FirstStep(ReadOnlySpan<int> scores, ReadOnlySpan<int> steps)
    {
        int bestScore = scores[0];
        int bestStep = steps[0];
        for (int lane = 1; lane < scores.Length; lane++)
        {
            if (scores[lane] < bestScore || (scores[lane] == bestScore && steps[lane] < bestStep))
            {
                bestScore = scores[lane];
                bestStep = steps[lane];
            }
        }

        return (bestScore, bestStep);
    }

    /// <summary>The first window of a step with a score that one of its windows has.</summary>
    private static unsafe int IndexOfScore(byte* data, nuint size, uint multiplier, uint addend, int score)
    {
        Vector128<int> factor = Vector128.Create((int)multiplier);
        Vector128<int> offset = Vector128.Create((int)(addend ^ 0x80000000));
        Vector128<int> wanted = Vector128.Create(score);
        for (nuint at = 0; at < size; at += (nuint)Vector128<byte>.Count)
        {
            int first = int.MaxValue;
            for (nuint shift = 0; shift < WindowSizeInBytes; shift++)
            {
                Vector128<int> scores = (Vector128.Load(data + at + shift).AsInt32() * factor) + offset;
                uint lanes = Vector128.Equals(scores, wanted).ExtractMostSignificantBits();
                if (lanes != 0)
                {
                    first = Math.Min(first, (WindowSizeInBytes * BitOperations.TrailingZeroCount(lanes)) + (int)shift);
                }
            }

            if (first != int.MaxValue)
            {
                return (int)at + first;
            }
        }

        throw new UnreachableException();
    }
}
