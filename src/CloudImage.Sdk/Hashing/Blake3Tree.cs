using System;
using System.Buffers;
using System.Numerics;

namespace CloudImage.Sdk.Hashing;

/// <summary>The tree inside a BLAKE3 digest: proofs that a range of bytes belongs to a content of known digest.</summary>
/// <remarks>
/// The construction of bao with chunk groups. The outboard holds, in pre-order, the two chaining values under each node
/// above the group size: 64 bytes for each group but one. A proof holds those of them that lie on the paths to the range.
/// The digest does not depend on the group size. Verification trusts the content's length as much as its digest:
/// take both from the same authenticated place. Pure functions, safe from any thread.
/// </remarks>
public static unsafe class Blake3Tree
{
    /// <summary>A group size that serves most uses: 0.39 percent of outboard.</summary>
    public const int DefaultGroupSize = 16 * 1024;

    private const int PairSize = Blake3Constants.BlockSizeInBytes;

    /// <summary>Gets the size of the outboard of a content.</summary>
    /// <param name="contentLength">The content's length in bytes.</param>
    /// <param name="groupSize">The group size in bytes: a power of two, 1 KiB to 256 KiB.</param>
    /// <returns>Bytes: 64 for each group but one.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An argument is out of range.</exception>
    public static long GetOutboardLength(int contentLength, int groupSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(contentLength);
        RequireGroupSize(groupSize);
        return Math.Max(0, (((long)contentLength + groupSize - 1) / groupSize) - 1) * PairSize;
    }

    /// <summary>Hashes a content and writes its outboard.</summary>
    /// <param name="content">The content.</param>
    /// <param name="groupSize">The group size in bytes: a power of two, 1 KiB to 256 KiB.</param>
    /// <param name="outboard">Receives <see cref="GetOutboardLength"/> bytes.</param>
    /// <returns>The content's digest, as <see cref="Blake3.HashData(ReadOnlySpan{byte})"/> gives it.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="groupSize"/> is out of range.</exception>
    /// <exception cref="ArgumentException"><paramref name="outboard"/> is too short.</exception>
    public static ContentDigest BuildOutboard(ReadOnlySpan<byte> content, int groupSize, Span<byte> outboard)
    {
        if (outboard.Length < GetOutboardLength(content.Length, groupSize))
        {
            throw new ArgumentException("The outboard does not fit.", nameof(outboard));
        }

        Span<byte> digest = stackalloc byte[ContentDigest.SizeInBytes];
        Build(content, 0, groupSize, isRoot: true, outboard, digest);
        return new ContentDigest(digest);
    }

    /// <summary>Rounds a range out to the groups whose bytes its verification needs.</summary>
    /// <param name="contentLength">The content's length in bytes.</param>
    /// <param name="groupSize">The group size in bytes.</param>
    /// <param name="offset">The first byte wanted.</param>
    /// <param name="length">The number of bytes wanted, at least one unless the content is empty.</param>
    /// <returns>The range in whole groups, the last as short as the content's end makes it.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The range is empty or outside the content.</exception>
    public static Range GetProvenRange(int contentLength, int groupSize, int offset, int length)
    {
        RequireGroupSize(groupSize);
        ArgumentOutOfRangeException.ThrowIfNegative(contentLength);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfLessThan(length, contentLength == 0 ? 0 : 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, contentLength - offset);
        int start = offset - (offset % groupSize);
        long end = ((long)offset + length + groupSize - 1) / groupSize * groupSize;
        return start..(int)Math.Min(contentLength, end);
    }

    /// <summary>Takes the proof of a range from an outboard.</summary>
    /// <param name="outboard">The content's outboard.</param>
    /// <param name="contentLength">The content's length in bytes.</param>
    /// <param name="groupSize">The group size in bytes.</param>
    /// <param name="offset">The first byte to prove.</param>
    /// <param name="length">The number of bytes to prove.</param>
    /// <returns>The pairs of chaining values on the paths to the range, in pre-order.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The range is empty or outside the content.</exception>
    /// <exception cref="ArgumentException"><paramref name="outboard"/> is too short.</exception>
    public static byte[] CreateProof(
        ReadOnlySpan<byte> outboard, int contentLength, int groupSize, int offset, int length)
    {
        Range range = GetProvenRange(contentLength, groupSize, offset, length);
        if (outboard.Length < GetOutboardLength(contentLength, groupSize))
        {
            throw new ArgumentException("The outboard is too short for the content.", nameof(outboard));
        }

        ArrayBufferWriter<byte> proof = new();
        Collect(outboard, 0, contentLength, groupSize, range, proof);
        return proof.WrittenSpan.ToArray();
    }

    /// <summary>Tells whether bytes are what a content of a known digest has at a range.</summary>
    /// <param name="digest">The content's digest.</param>
    /// <param name="contentLength">The content's length in bytes, from the place that the digest is from.</param>
    /// <param name="groupSize">The group size in bytes that the proof was made with.</param>
    /// <param name="offset">The first byte wanted.</param>
    /// <param name="length">The number of bytes wanted.</param>
    /// <param name="proof">The proof.</param>
    /// <param name="data">The bytes of <see cref="GetProvenRange"/>.</param>
    /// <returns><see langword="false"/> when proof or data are not the content's, or too long or short.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The range is empty or outside the content.</exception>
    public static bool VerifyRange(
        ContentDigest digest,
        int contentLength,
        int groupSize,
        int offset,
        int length,
        ReadOnlySpan<byte> proof,
        ReadOnlySpan<byte> data)
    {
        Range range = GetProvenRange(contentLength, groupSize, offset, length);
        Span<byte> expected = stackalloc byte[ContentDigest.SizeInBytes];
        digest.CopyTo(expected);
        return Verify(expected, 0, contentLength, groupSize, range, isRoot: true, ref proof, ref data)
            && proof.IsEmpty && data.IsEmpty;
    }

    private static void RequireGroupSize(int groupSize)
    {
        if (groupSize < Blake3Constants.LeafSizeInBytes
            || groupSize > Blake3Engine.BatchLeaves * Blake3Constants.LeafSizeInBytes
            || !BitOperations.IsPow2(groupSize))
        {
            throw new ArgumentOutOfRangeException(
                nameof(groupSize), groupSize, "A group is a power of two from 1 KiB to 256 KiB.");
        }
    }

    // The left part of a node is the largest power of two below its length, and so whole groups.
    private static int LeftLength(int length) => 1 << BitOperations.Log2((uint)(length - 1));

    private static int OutboardLength(int length, int groupSize) => (int)GetOutboardLength(length, groupSize);

    // Depth is the logarithm of the number of groups: at most 21.
    private static void Build(
        ReadOnlySpan<byte> content, int offset, int groupSize, bool isRoot, Span<byte> outboard, Span<byte> result)
    {
        if (content.Length <= groupSize)
        {
            HashGroup(content, offset, isRoot, result);
            return;
        }

        int left = LeftLength(content.Length);
        Span<byte> pair = outboard[..PairSize];
        Span<byte> rest = outboard[PairSize..];
        Build(content[..left], offset, groupSize, false, rest, pair[..Blake3Constants.ChainingValueSizeInBytes]);
        Build(
            content[left..], offset + left, groupSize, false, rest[OutboardLength(left, groupSize)..],
            pair[Blake3Constants.ChainingValueSizeInBytes..]);
        HashPair(pair, isRoot, result);
    }

    private static void Collect(
        ReadOnlySpan<byte> outboard, int offset, int length, int groupSize, Range range, ArrayBufferWriter<byte> proof)
    {
        if (length <= groupSize || !Intersects(offset, length, range))
        {
            return;
        }

        int left = LeftLength(length);
        proof.Write(outboard[..PairSize]);
        ReadOnlySpan<byte> rest = outboard[PairSize..];
        Collect(rest, offset, left, groupSize, range, proof);
        Collect(rest[OutboardLength(left, groupSize)..], offset + left, length - left, groupSize, range, proof);
    }

    private static bool Verify(
        scoped ReadOnlySpan<byte> expected,
        int offset,
        int length,
        int groupSize,
        Range range,
        bool isRoot,
        ref ReadOnlySpan<byte> proof,
        ref ReadOnlySpan<byte> data)
    {
        if (!isRoot && !Intersects(offset, length, range))
        {
            return true;
        }

        Span<byte> actual = stackalloc byte[Blake3Constants.ChainingValueSizeInBytes];
        if (length <= groupSize)
        {
            if (data.Length < length)
            {
                return false;
            }

            HashGroup(data[..length], offset, isRoot, actual);
            data = data[length..];
            return actual.SequenceEqual(expected);
        }

        if (proof.Length < PairSize)
        {
            return false;
        }

        ReadOnlySpan<byte> pair = proof[..PairSize];
        proof = proof[PairSize..];
        HashPair(pair, isRoot, actual);
        int left = LeftLength(length);
        return actual.SequenceEqual(expected)
            && Verify(
                pair[..Blake3Constants.ChainingValueSizeInBytes], offset, left, groupSize, range, false, ref proof, ref data)
            && Verify(
                pair[Blake3Constants.ChainingValueSizeInBytes..], offset + left, length - left, groupSize, range, false,
                ref proof, ref data);
    }

    private static bool Intersects(int offset, int length, Range range) =>
        offset < range.End.Value && range.Start.Value < offset + length;

    private static void HashGroup(ReadOnlySpan<byte> group, int offset, bool isRoot, Span<byte> result)
    {
        Blake3Kernel kernel = Blake3Engine.BestKernel;
        byte* batch = stackalloc byte[Blake3Engine.BatchLeaves * Blake3Constants.ChainingValueSizeInBytes];
        ulong counter = (ulong)offset / Blake3Constants.LeafSizeInBytes;
        fixed (uint* key = Blake3Constants.Iv)
        fixed (byte* input = group)
        {
            Blake3Node node;
            if (group.Length <= Blake3Constants.LeafSizeInBytes)
            {
                Blake3Node.CreateLeaf(kernel, input, group.Length, counter, key, 0, out node);
            }
            else
            {
                int leaves = Blake3Engine.HashLeaves(kernel, input, group.Length, counter, key, 0, batch);
                Blake3Engine.Reduce(kernel, batch, leaves, 2, key, 0);
                Blake3Node.CreateParent(batch, key, 0, out node);
            }

            Write(node, kernel, isRoot, result);
        }
    }

    private static void HashPair(ReadOnlySpan<byte> pair, bool isRoot, Span<byte> result)
    {
        fixed (uint* key = Blake3Constants.Iv)
        fixed (byte* children = pair)
        {
            Blake3Node.CreateParent(children, key, 0, out Blake3Node node);
            Write(node, Blake3Engine.BestKernel, isRoot, result);
        }
    }

    private static void Write(in Blake3Node node, Blake3Kernel kernel, bool isRoot, Span<byte> result)
    {
        fixed (byte* destination = result)
        {
            if (isRoot)
            {
                node.WriteDigest(kernel, destination);
            }
            else
            {
                node.WriteChainingValue(kernel, destination);
            }
        }
    }
}
