using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CloudImage.Sdk.Chunking;

/// <summary>Finds the first four-byte window with the lowest score.</summary>
/// <remarks>
/// The score of a window w, read in little-endian order, is <c>w * multiplier + addend</c> modulo 2^32, compared without
/// a sign. The kernels compare with a sign and add 2^31 to the addend instead, which orders the same.
/// In a step of V bytes, lane l of the vectors read at offsets 0, 1, 2 and 3 covers the four windows at 4l: each lane keeps
/// the lowest score of its windows so far and the first step that had it. In the end the lowest (score, position) of the
/// lanes is taken, and of its four windows the first. The last step is moved back to end with the data; seeing windows
/// twice changes nothing, for a later step never replaces an equal score.
/// </remarks>
internal static class MinCdcSearch
{
    public const int WindowSizeInBytes = sizeof(uint);

    private const nuint PrefetchDistance = 2048;

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
    public static int IndexOfMin(ReadOnlySpan<byte> data, uint multiplier, uint addend, MinCdcKernel kernel)
    {
        int windows = data.Length - WindowSizeInBytes + 1;
        ref byte start = ref MemoryMarshal.GetReference(data);
        int group;
        if (kernel == MinCdcKernel.Vector512 && Vector512.IsHardwareAccelerated && windows >= Vector512<byte>.Count)
        {
            group = FindGroup512(ref start, (nuint)windows, multiplier, addend);
        }
        else if (kernel >= MinCdcKernel.Vector256 && Vector256.IsHardwareAccelerated && windows >= Vector256<byte>.Count)
        {
            group = FindGroup256(ref start, (nuint)windows, multiplier, addend);
        }
        else if (kernel >= MinCdcKernel.Vector128 && Vector128.IsHardwareAccelerated && windows >= Vector128<byte>.Count)
        {
            group = FindGroup128(ref start, (nuint)windows, multiplier, addend);
        }
        else
        {
            return IndexOfMinScalar(data, multiplier, addend);
        }

        return group + IndexOfMinScalar(data.Slice(group, 2 * WindowSizeInBytes - 1), multiplier, addend);
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

    private static int FindGroup512(ref byte start, nuint windows, uint multiplier, uint addend)
    {
        Vector512<int> factor = Vector512.Create((int)multiplier);
        Vector512<int> offset = Vector512.Create((int)(addend ^ 0x80000000));
        Vector512<int> best = Vector512.Create(int.MaxValue);
        Vector512<int> bestStep = Vector512<int>.Zero;
        nuint last = windows - (nuint)Vector512<byte>.Count;
        for (nuint step = 0; ; step = Math.Min(step + (nuint)Vector512<byte>.Count, last))
        {
            Prefetch(ref start, step);
            Vector512<int> a = (Vector512.LoadUnsafe(ref start, step).AsInt32() * factor) + offset;
            Vector512<int> b = (Vector512.LoadUnsafe(ref start, step + 1).AsInt32() * factor) + offset;
            Vector512<int> c = (Vector512.LoadUnsafe(ref start, step + 2).AsInt32() * factor) + offset;
            Vector512<int> d = (Vector512.LoadUnsafe(ref start, step + 3).AsInt32() * factor) + offset;
            Vector512<int> lowest = Vector512.Min(Vector512.Min(a, b), Vector512.Min(c, d));
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
        return LowestLane(scores, steps);
    }

    private static int FindGroup256(ref byte start, nuint windows, uint multiplier, uint addend)
    {
        Vector256<int> factor = Vector256.Create((int)multiplier);
        Vector256<int> offset = Vector256.Create((int)(addend ^ 0x80000000));
        Vector256<int> best = Vector256.Create(int.MaxValue);
        Vector256<int> bestStep = Vector256<int>.Zero;
        nuint last = windows - (nuint)Vector256<byte>.Count;
        for (nuint step = 0; ; step = Math.Min(step + (nuint)Vector256<byte>.Count, last))
        {
            Prefetch(ref start, step);
            Vector256<int> a = (Vector256.LoadUnsafe(ref start, step).AsInt32() * factor) + offset;
            Vector256<int> b = (Vector256.LoadUnsafe(ref start, step + 1).AsInt32() * factor) + offset;
            Vector256<int> c = (Vector256.LoadUnsafe(ref start, step + 2).AsInt32() * factor) + offset;
            Vector256<int> d = (Vector256.LoadUnsafe(ref start, step + 3).AsInt32() * factor) + offset;
            Vector256<int> lowest = Vector256.Min(Vector256.Min(a, b), Vector256.Min(c, d));
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
        return LowestLane(scores, steps);
    }

    private static int FindGroup128(ref byte start, nuint windows, uint multiplier, uint addend)
    {
        Vector128<int> factor = Vector128.Create((int)multiplier);
        Vector128<int> offset = Vector128.Create((int)(addend ^ 0x80000000));
        Vector128<int> best = Vector128.Create(int.MaxValue);
        Vector128<int> bestStep = Vector128<int>.Zero;
        nuint last = windows - (nuint)Vector128<byte>.Count;
        for (nuint step = 0; ; step = Math.Min(step + (nuint)Vector128<byte>.Count, last))
        {
            Prefetch(ref start, step);
            Vector128<int> a = (Vector128.LoadUnsafe(ref start, step).AsInt32() * factor) + offset;
            Vector128<int> b = (Vector128.LoadUnsafe(ref start, step + 1).AsInt32() * factor) + offset;
            Vector128<int> c = (Vector128.LoadUnsafe(ref start, step + 2).AsInt32() * factor) + offset;
            Vector128<int> d = (Vector128.LoadUnsafe(ref start, step + 3).AsInt32() * factor) + offset;
            Vector128<int> lowest = Vector128.Min(Vector128.Min(a, b), Vector128.Min(c, d));
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
        return LowestLane(scores, steps);
    }

    // Chunks are searched from their least size on, so the hardware sees a new stream at each and starts late.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void Prefetch(ref byte start, nuint step)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(Unsafe.AsPointer(ref Unsafe.AddByteOffset(ref start, step + PrefetchDistance)));
        }
    }

    // Lane l is 4l bytes further on than the step it remembers.
    private static int LowestLane(ReadOnlySpan<int> scores, ReadOnlySpan<int> steps)
    {
        int bestScore = int.MaxValue;
        int bestPosition = int.MaxValue;
        for (int lane = 0; lane < scores.Length; lane++)
        {
            int position = steps[lane] + (WindowSizeInBytes * lane);
            if (scores[lane] < bestScore || (scores[lane] == bestScore && position < bestPosition))
            {
                bestScore = scores[lane];
                bestPosition = position;
            }
        }

        return bestPosition;
    }
}
