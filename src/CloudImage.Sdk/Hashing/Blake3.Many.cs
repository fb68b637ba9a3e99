using System;
using System.Buffers;
using System.Runtime.CompilerServices;

namespace CloudImage.Sdk.Hashing;

/// <content>Many independent inputs at once.</content>
public sealed unsafe partial class Blake3
{
    /// <summary>Hashes many inputs, filling the machine's vector lanes across them.</summary>
    /// <param name="sources">The inputs, of any lengths.</param>
    /// <param name="digests">Receives a digest for each input.</param>
    /// <exception cref="ArgumentException"><paramref name="digests"/> is shorter than <paramref name="sources"/>.</exception>
    /// <remarks>
    /// Gives the same as <see cref="HashData(ReadOnlySpan{byte})"/> of each, several times faster for inputs of 1 KiB to
    /// 256 KiB. The inputs are pinned, at most 128 of them at a time, while they are read.
    /// </remarks>
    public static void HashMany(ReadOnlySpan<ReadOnlyMemory<byte>> sources, Span<ContentDigest> digests) =>
        HashMany(sources, digests, Blake3Engine.BestKernel);

    /// <summary>Hashes every block of a buffer, filling the machine's vector lanes across them.</summary>
    /// <param name="source">The blocks one after the other; the last may be short.</param>
    /// <param name="blockSize">The size of a block in bytes.</param>
    /// <param name="digests">Receives a digest for each block.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="blockSize"/> is not positive.</exception>
    /// <exception cref="ArgumentException"><paramref name="digests"/> is shorter than there are blocks.</exception>
    public static void HashMany(ReadOnlySpan<byte> source, int blockSize, Span<ContentDigest> digests) =>
        HashMany(source, blockSize, digests, Blake3Engine.BestKernel);

    internal static void HashMany(
        ReadOnlySpan<ReadOnlyMemory<byte>> sources, Span<ContentDigest> digests, Blake3Kernel kernel)
    {
        RequireRoom(sources.Length, digests.Length, nameof(digests));
        MemoryHandle[] handles = ArrayPool<MemoryHandle>.Shared.Rent(Blake3Batch.MaxInputs);
        byte** inputs = stackalloc byte*[Blake3Batch.MaxInputs];
        int* lengths = stackalloc int[Blake3Batch.MaxInputs];
        try
        {
            for (int first = 0; first < sources.Length; first += Blake3Batch.MaxInputs)
            {
                int count = Math.Min(Blake3Batch.MaxInputs, sources.Length - first);
                int pinned = 0;
                try
                {
                    for (; pinned < count; pinned++)
                    {
                        handles[pinned] = sources[first + pinned].Pin();
                        inputs[pinned] = (byte*)handles[pinned].Pointer;
                        lengths[pinned] = sources[first + pinned].Length;
                    }

                    HashPinned(inputs, lengths, count, digests.Slice(first, count), kernel);
                }
                finally
                {
                    for (int i = 0; i < pinned; i++)
                    {
                        handles[i].Dispose();
                    }
                }
            }
        }
        finally
        {
            ArrayPool<MemoryHandle>.Shared.Return(handles, clearArray: true);
        }
    }

    internal static void HashMany(
        ReadOnlySpan<byte> source, int blockSize, Span<ContentDigest> digests, Blake3Kernel kernel)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(blockSize);
        int blocks = (int)(((long)source.Length + blockSize - 1) / blockSize);
        RequireRoom(blocks, digests.Length, nameof(digests));
        byte** inputs = stackalloc byte*[Blake3Batch.MaxInputs];
        int* lengths = stackalloc int[Blake3Batch.MaxInputs];
        fixed (byte* start = source)
        {
            for (int first = 0; first < blocks; first += Blake3Batch.MaxInputs)
            {
                int count = Math.Min(Blake3Batch.MaxInputs, blocks - first);
                for (int i = 0; i < count; i++)
                {
                    long offset = (long)(first + i) * blockSize;
                    inputs[i] = start + offset;
                    lengths[i] = (int)Math.Min(blockSize, source.Length - offset);
                }

                HashPinned(inputs, lengths, count, digests.Slice(first, count), kernel);
            }
        }
    }

    /// <summary>Hashes inputs of one leaf that lie in whole blocks of their own.</summary>
    /// <param name="source">The inputs, each filled up with zeros to a multiple of 64 bytes.</param>
    /// <param name="length">Bytes of each input, 1 to 1024.</param>
    /// <param name="digests">Receives a digest for each.</param>
    internal static void HashPadded(ReadOnlySpan<byte> source, int length, Span<ContentDigest> digests)
    {
        int blocks = (length + Blake3Constants.BlockSizeInBytes - 1) / Blake3Constants.BlockSizeInBytes;
        int padded = blocks * Blake3Constants.BlockSizeInBytes;
        RequireRoom(source.Length / padded, digests.Length, nameof(digests));
        fixed (uint* key = Blake3Constants.Iv)
        fixed (byte* start = source)
        fixed (ContentDigest* output = digests)
        {
            Blake3Batch.HashPadded(Blake3Engine.BestKernel, start, length, source.Length / padded, key, 0, (byte*)output);
        }
    }

    private static void HashPinned(
        byte** inputs, int* lengths, int count, Span<ContentDigest> digests, Blake3Kernel kernel)
    {
        fixed (uint* key = Blake3Constants.Iv)
        fixed (ContentDigest* output = digests)
        {
            Blake3Batch.HashMany(kernel, inputs, lengths, count, key, 0, (byte*)output);
        }
    }

    private static void RequireRoom(int inputs, int digests, string parameter)
    {
        if (digests < inputs)
        {
            throw new ArgumentException($"There is room for {digests} digests of {inputs} inputs.", parameter);
        }
    }
}
