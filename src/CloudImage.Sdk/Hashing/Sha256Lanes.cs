using System;
using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace CloudImage.Sdk.Hashing;

/// <summary>SHA-256 of many blocks at once.</summary>
/// <remarks>
/// Inputs of one length in a row share the machine's vector lanes, sixteen or eight at a time, where that is faster than
/// the system's own SHA-256: the first call measures both for about a millisecond. Pure functions, safe from any thread.
/// </remarks>
public static unsafe class Sha256Lanes
{
    private const int MaxLanes = 16;

    /// <summary>Hashes every block of a buffer.</summary>
    /// <param name="source">The blocks one after the other; the last may be short.</param>
    /// <param name="blockSize">The size of a block in bytes.</param>
    /// <param name="digests">Receives a digest for each block.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="blockSize"/> is not positive.</exception>
    /// <exception cref="ArgumentException"><paramref name="digests"/> is shorter than there are blocks.</exception>
    public static void HashMany(ReadOnlySpan<byte> source, int blockSize, Span<ContentDigest> digests)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(blockSize);
        int blocks = (int)(((long)source.Length + blockSize - 1) / blockSize);
        RequireRoom(blocks, digests.Length);
        HashMany(source, blockSize, digests, Choice.Lanes);
    }

    /// <summary>Hashes many inputs.</summary>
    /// <param name="sources">The inputs, of any lengths; those of one length in a row share lanes.</param>
    /// <param name="digests">Receives a digest for each input.</param>
    /// <exception cref="ArgumentException"><paramref name="digests"/> is shorter than <paramref name="sources"/>.</exception>
    public static void HashMany(ReadOnlySpan<ReadOnlyMemory<byte>> sources, Span<ContentDigest> digests)
    {
        RequireRoom(sources.Length, digests.Length);
        HashMany(sources, digests, Choice.Lanes);
    }

    internal static void HashMany(ReadOnlySpan<byte> source, int blockSize, Span<ContentDigest> digests, int lanes)
    {
        byte** inputs = stackalloc byte*[MaxLanes];
        int block = 0;
        fixed (byte* start = source)
        {
            int whole = source.Length / blockSize;
            while (IsWorthLanes(whole - block, lanes))
            {
                int count = Math.Min(lanes, whole - block);
                for (int i = 0; i < lanes; i++)
                {
                    inputs[i] = start + ((long)(block + (i < count ? i : 0)) * blockSize);
                }

                HashLanes(inputs, blockSize, lanes, digests.Slice(block, count));
                block += count;
            }
        }

        for (long offset = (long)block * blockSize; offset < source.Length; offset += blockSize)
        {
            int length = (int)Math.Min(blockSize, source.Length - offset);
            digests[block++] = HashData(source.Slice((int)offset, length));
        }
    }

    internal static void HashMany(ReadOnlySpan<ReadOnlyMemory<byte>> sources, Span<ContentDigest> digests, int lanes)
    {
        byte** inputs = stackalloc byte*[MaxLanes];
        MemoryHandle[] handles = new MemoryHandle[MaxLanes];
        for (int first = 0; first < sources.Length;)
        {
            int length = sources[first].Length;
            int count = 1;
            while (count < lanes && first + count < sources.Length && sources[first + count].Length == length)
            {
                count++;
            }

            if (!IsWorthLanes(count, lanes))
            {
                digests[first] = HashData(sources[first].Span);
                first++;
                continue;
            }

            int pinned = 0;
            try
            {
                for (; pinned < count; pinned++)
                {
                    handles[pinned] = sources[first + pinned].Pin();
                }

                for (int i = 0; i < lanes; i++)
                {
                    inputs[i] = (byte*)handles[i < count ? i : 0].Pointer;
                }

                HashLanes(inputs, length, lanes, digests.Slice(first, count));
            }
            finally
            {
                for (int i = 0; i < pinned; i++)
                {
                    handles[i].Dispose();
                }
            }

            first += count;
        }
    }

    // Lanes cost the same however many are used: with less than half of them the system's own is faster.
    private static bool IsWorthLanes(int count, int lanes) => lanes > 0 && count >= lanes / 2;

    [SkipLocalsInit]
    private static void HashLanes(byte** inputs, int length, int lanes, Span<ContentDigest> digests)
    {
        uint* state = stackalloc uint[Sha256Constants.StateWords * MaxLanes];
        byte* tails = stackalloc byte[MaxLanes * 2 * Sha256Constants.BlockSizeInBytes];
        byte** tailInputs = stackalloc byte*[MaxLanes];
        for (int word = 0; word < Sha256Constants.StateWords; word++)
        {
            new Span<uint>(state + (word * lanes), lanes).Fill(Sha256Constants.InitialState[word]);
        }

        int blocks = length / Sha256Constants.BlockSizeInBytes;
        int rest = length % Sha256Constants.BlockSizeInBytes;

        // Section 5.1.1: a one bit, zeros, and the length in bits as the last eight bytes of a block.
        int tailLength = rest + 9 <= Sha256Constants.BlockSizeInBytes
            ? Sha256Constants.BlockSizeInBytes
            : 2 * Sha256Constants.BlockSizeInBytes;
        for (int lane = 0; lane < lanes; lane++)
        {
            tailInputs[lane] = tails + (lane * 2 * Sha256Constants.BlockSizeInBytes);
            Span<byte> tail = new(tailInputs[lane], tailLength);
            tail.Clear();
            new ReadOnlySpan<byte>(inputs[lane] + length - rest, rest).CopyTo(tail);
            tail[rest] = 0x80;
            BinaryPrimitives.WriteUInt64BigEndian(tail[^8..], (ulong)length * 8);
        }

        Compress(state, inputs, blocks, lanes);
        Compress(state, tailInputs, tailLength / Sha256Constants.BlockSizeInBytes, lanes);
        Span<byte> digest = stackalloc byte[ContentDigest.SizeInBytes];
        for (int lane = 0; lane < digests.Length; lane++)
        {
            for (int word = 0; word < Sha256Constants.StateWords; word++)
            {
                BinaryPrimitives.WriteUInt32BigEndian(digest[(4 * word)..], state[(word * lanes) + lane]);
            }

            digests[lane] = new ContentDigest(digest);
        }
    }

    private static void Compress(uint* state, byte** inputs, int blocks, int lanes)
    {
        if (lanes == Sha256Vector512.Lanes)
        {
            Sha256Vector512.Compress(state, inputs, blocks);
        }
        else
        {
            Sha256Vector256.Compress(state, inputs, blocks);
        }
    }

    private static ContentDigest HashData(ReadOnlySpan<byte> source)
    {
        Span<byte> digest = stackalloc byte[ContentDigest.SizeInBytes];
        SHA256.HashData(source, digest);
        return new ContentDigest(digest);
    }

    private static void RequireRoom(int inputs, int digests)
    {
        if (digests < inputs)
        {
            throw new ArgumentException($"There is room for {digests} digests of {inputs} inputs.", nameof(digests));
        }
    }

    /// <summary>Which way is fastest here: the system's SHA-256 may or may not have instructions of its own.</summary>
    private static class Choice
    {
        private const int SampleBlock = 4096;

        /// <summary>The number of lanes; zero for the system's SHA-256.</summary>
        public static readonly int Lanes = Measure();

        private static int Measure()
        {
            int lanes = Sha256Vector512.IsSupported ? Sha256Vector512.Lanes
                : Sha256Vector256.IsSupported ? Sha256Vector256.Lanes
                : 0;
            if (lanes == 0)
            {
                return 0;
            }

            byte[] sample = new byte[lanes * SampleBlock];
            ContentDigest[] digests = new ContentDigest[lanes];
            long withLanes = long.MaxValue;
            long without = long.MaxValue;

            // The best of several: the first rounds also compile, and the machine may be busy.
            for (int round = 0; round < 6; round++)
            {
                withLanes = Math.Min(withLanes, Time(sample, digests, lanes));
                without = Math.Min(without, Time(sample, digests, 0));
            }

            return withLanes < without ? lanes : 0;
        }

        private static long Time(byte[] sample, ContentDigest[] digests, int lanes)
        {
            long start = Stopwatch.GetTimestamp();
            HashMany(sample, SampleBlock, digests, lanes);
            return Stopwatch.GetTimestamp() - start;
        }
    }
}
