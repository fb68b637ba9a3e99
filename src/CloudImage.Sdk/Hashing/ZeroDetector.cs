using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace CloudImage.Sdk.Hashing;

/// <summary>Finds zeros and differences in blocks of bytes at the speed of memory.</summary>
/// <remarks>Pure functions, safe from any thread. No byte outside the given spans is read.</remarks>
public static class ZeroDetector
{
    /// <summary>The granularity of <see cref="ChangedBlocks"/> in bytes: what guest file systems allocate by.</summary>
    public const int SubBlockSizeInBytes = 4096;

    /// <summary>The most bytes that <see cref="ChangedBlocks"/> compares: one bit of 64 for each sub-block.</summary>
    public const int MaxChangedBlocksLength = 64 * SubBlockSizeInBytes;

    /// <summary>Tells whether all bytes are zero.</summary>
    /// <param name="source">The bytes; an empty span is all zero.</param>
    /// <returns><see langword="true"/> when no byte differs from zero.</returns>
    public static bool IsZero(ReadOnlySpan<byte> source)
    {
        nuint length = (nuint)source.Length;
        ref byte start = ref MemoryMarshal.GetReference(source);
        if (length < (nuint)Vector128<byte>.Count)
        {
            return IsZeroShort(source);
        }

        // Most data shows itself in its first bytes.
        if (Unsafe.ReadUnaligned<ulong>(ref start) != 0)
        {
            return false;
        }

        if (Vector512.IsHardwareAccelerated && length >= (nuint)Vector512<byte>.Count)
        {
            return IsZero512(ref start, length);
        }

        if (Vector256.IsHardwareAccelerated && length >= (nuint)Vector256<byte>.Count)
        {
            return IsZero256(ref start, length);
        }

        return Vector128.IsHardwareAccelerated ? IsZero128(ref start, length) : IsZeroShort(source);
    }

    /// <summary>Finds the first byte that is not zero.</summary>
    /// <param name="source">The bytes to search.</param>
    /// <returns>Its index, or -1 when all are zero.</returns>
    public static int IndexOfNonZero(ReadOnlySpan<byte> source) => source.IndexOfAnyExcept((byte)0);

    /// <summary>Finds the last byte that is not zero.</summary>
    /// <param name="source">The bytes to search.</param>
    /// <returns>Its index, or -1 when all are zero.</returns>
    public static int LastIndexOfNonZero(ReadOnlySpan<byte> source) => source.LastIndexOfAnyExcept((byte)0);

    /// <summary>Finds the first byte in which two spans differ.</summary>
    /// <param name="left">One span.</param>
    /// <param name="right">The other, of the same length.</param>
    /// <returns>Its index, or -1 when both are equal.</returns>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static int IndexOfDifference(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        RequireSameLength(left, right);
        int common = left.CommonPrefixLength(right);
        return common == left.Length ? -1 : common;
    }

    /// <summary>Measures the run of blocks at the start that are all zero, or all not zero.</summary>
    /// <param name="source">Blocks one after the other; the last may be short.</param>
    /// <param name="blockSize">The size of a block in bytes.</param>
    /// <param name="isZero">Whether the run's blocks are zero.</param>
    /// <returns>The run's length in bytes; zero only for an empty <paramref name="source"/>.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="blockSize"/> is not positive.</exception>
    /// <remarks>Call again on the rest for the next run, which is of the other kind.</remarks>
    public static int GetRunLength(ReadOnlySpan<byte> source, int blockSize, out bool isZero)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(blockSize);
        int end = Math.Min(blockSize, source.Length);
        isZero = IsZero(source[..end]);
        while (end < source.Length)
        {
            int next = Math.Min(blockSize, source.Length - end);
            if (IsZero(source.Slice(end, next)) != isZero)
            {
                break;
            }

            end += next;
        }

        return end;
    }

    /// <summary>Compares two chunks and marks the 4 KiB sub-blocks that differ.</summary>
    /// <param name="left">One chunk, of at most 256 KiB.</param>
    /// <param name="right">The other, of the same length.</param>
    /// <returns>Bit i is set when sub-block i differs; a short last sub-block counts as one.</returns>
    /// <exception cref="ArgumentException">The lengths differ or are above 256 KiB.</exception>
    public static ulong ChangedBlocks(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        RequireSameLength(left, right);
        if (left.Length > MaxChangedBlocksLength)
        {
            throw new ArgumentException(
                $"At most {MaxChangedBlocksLength} bytes are compared, not {left.Length}.", nameof(left));
        }

        ulong changed = 0;
        for (int block = 0, offset = 0; offset < left.Length; block++, offset += SubBlockSizeInBytes)
        {
            int length = Math.Min(SubBlockSizeInBytes, left.Length - offset);
            if (!left.Slice(offset, length).SequenceEqual(right.Slice(offset, length)))
            {
                changed |= 1UL << block;
            }
        }

        return changed;
    }

    private static void RequireSameLength(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        if (left.Length != right.Length)
        {
            throw new ArgumentException($"The lengths differ: {left.Length} and {right.Length} bytes.", nameof(right));
        }
    }

    private static bool IsZeroShort(ReadOnlySpan<byte> source)
    {
        while (source.Length >= sizeof(ulong))
        {
            if (MemoryMarshal.Read<ulong>(source) != 0)
            {
                return false;
            }

            source = source[sizeof(ulong)..];
        }

        foreach (byte value in source)
        {
            if (value != 0)
            {
                return false;
            }
        }

        return true;
    }

    // Eight vectors are joined by OR before one test; the remainder ends in a vector that overlaps what was seen.
    private static bool IsZero512(ref byte start, nuint length)
    {
        const nuint Step = 512;
        nuint last = length - (nuint)Vector512<byte>.Count;
        nuint offset = 0;
        for (; offset + Step <= length; offset += Step)
        {
            Vector512<byte> a = Vector512.LoadUnsafe(ref start, offset) | Vector512.LoadUnsafe(ref start, offset + 64);
            Vector512<byte> b = Vector512.LoadUnsafe(ref start, offset + 128) | Vector512.LoadUnsafe(ref start, offset + 192);
            Vector512<byte> c = Vector512.LoadUnsafe(ref start, offset + 256) | Vector512.LoadUnsafe(ref start, offset + 320);
            Vector512<byte> d = Vector512.LoadUnsafe(ref start, offset + 384) | Vector512.LoadUnsafe(ref start, offset + 448);
            if (((a | b) | (c | d)) != Vector512<byte>.Zero)
            {
                return false;
            }
        }

        Vector512<byte> rest = Vector512.LoadUnsafe(ref start, last);
        for (; offset < last; offset += (nuint)Vector512<byte>.Count)
        {
            rest |= Vector512.LoadUnsafe(ref start, offset);
        }

        return rest == Vector512<byte>.Zero;
    }

    private static bool IsZero256(ref byte start, nuint length)
    {
        const nuint Step = 256;
        nuint last = length - (nuint)Vector256<byte>.Count;
        nuint offset = 0;
        for (; offset + Step <= length; offset += Step)
        {
            Vector256<byte> a = Vector256.LoadUnsafe(ref start, offset) | Vector256.LoadUnsafe(ref start, offset + 32);
            Vector256<byte> b = Vector256.LoadUnsafe(ref start, offset + 64) | Vector256.LoadUnsafe(ref start, offset + 96);
            Vector256<byte> c = Vector256.LoadUnsafe(ref start, offset + 128) | Vector256.LoadUnsafe(ref start, offset + 160);
            Vector256<byte> d = Vector256.LoadUnsafe(ref start, offset + 192) | Vector256.LoadUnsafe(ref start, offset + 224);
            if (((a | b) | (c | d)) != Vector256<byte>.Zero)
            {
                return false;
            }
        }

        Vector256<byte> rest = Vector256.LoadUnsafe(ref start, last);
        for (; offset < last; offset += (nuint)Vector256<byte>.Count)
        {
            rest |= Vector256.LoadUnsafe(ref start, offset);
        }

        return rest == Vector256<byte>.Zero;
    }

    private static bool IsZero128(ref byte start, nuint length)
    {
        const nuint Step = 64;
        nuint last = length - (nuint)Vector128<byte>.Count;
        nuint offset = 0;
        for (; offset + Step <= length; offset += Step)
        {
            Vector128<byte> a = Vector128.LoadUnsafe(ref start, offset) | Vector128.LoadUnsafe(ref start, offset + 16);
            Vector128<byte> b = Vector128.LoadUnsafe(ref start, offset + 32) | Vector128.LoadUnsafe(ref start, offset + 48);
            if ((a | b) != Vector128<byte>.Zero)
            {
                return false;
            }
        }

        Vector128<byte> rest = Vector128.LoadUnsafe(ref start, last);
        for (; offset < last; offset += (nuint)Vector128<byte>.Count)
        {
            rest |= Vector128.LoadUnsafe(ref start, offset);
        }

        return rest == Vector128<byte>.Zero;
    }
}
