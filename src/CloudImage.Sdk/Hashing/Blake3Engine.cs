using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace CloudImage.Sdk.Hashing;

/// <summary>Schedules BLAKE3's compressions onto the lanes of a kernel, and builds trees from their results.</summary>
/// <remarks>Every buffer is on the stack, 16 KiB at most. Inputs are addresses: the caller pins them.</remarks>
internal static unsafe class Blake3Engine
{
    /// <summary>The most leaves, or parents, that are scheduled at once: 256 KiB of input, 8 KiB of chaining values.</summary>
    public const int BatchLeaves = 256;

    private const int MaxLanes = Blake3Vector512.PairLanes;

    /// <summary>Gets the last kernel that runs on this machine: all before it do too.</summary>
    public static Blake3Kernel LastKernel =>
        BestKernel == Blake3Kernel.Vector512 ? Blake3Kernel.Vector512Staggered : BestKernel;

    /// <summary>Gets the fastest kernel of this machine.</summary>
    public static Blake3Kernel BestKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            if (!BitConverter.IsLittleEndian)
            {
                return Blake3Kernel.Scalar;
            }

            return Blake3Vector512.IsSupported
                ? Blake3Vector512.IsStaggeredFaster ? Blake3Kernel.Vector512Staggered : Blake3Kernel.Vector512
                : Blake3Vector256.IsSupported ? Blake3Kernel.Vector256
                : Blake3Vector128.IsSupported ? Blake3Kernel.Vector128
                : Blake3Kernel.Scalar;
        }
    }

    /// <summary>Compresses one block in place.</summary>
    public static void CompressBlock(
        Blake3Kernel kernel, uint* chainingValue, byte* block, uint blockLength, ulong counter, uint flags)
    {
        if (kernel != Blake3Kernel.Scalar && Blake3Rows.IsSupported)
        {
            Blake3Rows.Compress(chainingValue, block, blockLength, counter, flags);
        }
        else
        {
            Blake3Scalar.Compress(chainingValue, block, blockLength, counter, flags);
        }
    }

    /// <summary>Writes a chaining value's words as the bytes of the specification.</summary>
    public static void WriteWords(uint* words, byte* destination)
    {
        for (int i = 0; i < Blake3Constants.WordsPerChainingValue; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(new Span<byte>(destination + (4 * i), 4), words[i]);
        }
    }

    /// <summary>Compresses independent inputs of the same number of whole blocks, as many at once as there are lanes.</summary>
    /// <param name="kernel">The vector width.</param>
    /// <param name="inputs">An address of <paramref name="blocks"/> times 64 bytes for each input.</param>
    /// <param name="outputs">An address of 32 bytes for each input. One output may lie on an input of the same or an earlier place.</param>
    /// <param name="counters">A counter for each input; null stands for zeros.</param>
    /// <param name="count">The number of inputs.</param>
    /// <param name="ahead">The number of addresses after those of the inputs that the caller will want next.</param>
    /// <param name="blocks">The number of blocks of each.</param>
    /// <param name="key">The eight key words.</param>
    /// <param name="flags">Flags of every block.</param>
    /// <param name="firstFlags">Flags added to each input's first block.</param>
    /// <param name="lastFlags">Flags added to each input's last block.</param>
    /// <param name="lastLength">Bytes of each input's last block that count; those behind them are zeros.</param>
    [SkipLocalsInit]
    public static void CompressMany(
        Blake3Kernel kernel,
        byte** inputs,
        byte** outputs,
        ulong* counters,
        int count,
        int ahead,
        int blocks,
        uint* key,
        uint flags,
        uint firstFlags,
        uint lastFlags,
        uint lastLength = Blake3Constants.BlockSizeInBytes)
    {
        byte** laneInputs = stackalloc byte*[MaxLanes];
        byte** laneOutputs = stackalloc byte*[MaxLanes];
        uint* laneCounters = stackalloc uint[2 * MaxLanes];
        byte* unused = stackalloc byte[Blake3Constants.ChainingValueSizeInBytes];
        for (int done = 0; done < count;)
        {
            int rest = count - done;
            int lanes = LanesFor(kernel, rest);
            int used = Math.Min(lanes, rest);
            byte** currentInputs = inputs + done;
            byte** currentOutputs = outputs + done;
            if (used < lanes)
            {
                // Lanes without work repeat the first input and write to a place that nobody reads.
                for (int i = 0; i < lanes; i++)
                {
                    laneInputs[i] = currentInputs[i < used ? i : 0];
                    laneOutputs[i] = i < used ? currentOutputs[i] : unused;
                }

                currentInputs = laneInputs;
                currentOutputs = laneOutputs;
            }

            for (int i = 0; i < lanes; i++)
            {
                ulong counter = counters is null || i >= used ? 0 : counters[done + i];
                laneCounters[i] = (uint)counter;
                laneCounters[lanes + i] = (uint)(counter >> 32);
            }

            switch (lanes)
            {
                case Blake3Vector512.PairLanes:
                    byte** nextInputs = rest + ahead >= 2 * lanes ? currentInputs + lanes : currentInputs;
                    if (kernel == Blake3Kernel.Vector512Staggered)
                    {
                        Blake3Vector512.CompressStaggered(
                            currentInputs, nextInputs, currentOutputs, laneCounters, blocks, key, flags, firstFlags, lastFlags, lastLength);
                    }
                    else
                    {
                        Blake3Vector512.CompressPair(
                            currentInputs, nextInputs, currentOutputs, laneCounters, blocks, key, flags, firstFlags, lastFlags, lastLength);
                    }

                    break;
                case Blake3Vector512.Lanes:
                    Blake3Vector512.Compress(
                        currentInputs, currentOutputs, laneCounters, blocks, key, flags, firstFlags, lastFlags, lastLength);
                    break;
                case Blake3Vector256.Lanes:
                    Blake3Vector256.Compress(
                        currentInputs, currentOutputs, laneCounters, blocks, key, flags, firstFlags, lastFlags, lastLength);
                    break;
                case Blake3Vector128.Lanes:
                    Blake3Vector128.Compress(
                        currentInputs, currentOutputs, laneCounters, blocks, key, flags, firstFlags, lastFlags, lastLength);
                    break;
                default:
                    CompressOne(
                        kernel, currentInputs[0], currentOutputs[0], counters is null ? 0 : counters[done],
                        blocks, key, flags, firstFlags, lastFlags, lastLength);
                    break;
            }

            done += used;
        }
    }

    /// <summary>Computes the chaining values of consecutive leaves of one input.</summary>
    /// <param name="kernel">The vector width.</param>
    /// <param name="input">The first leaf.</param>
    /// <param name="length">1 to 256 KiB; the last leaf may be partial.</param>
    /// <param name="counter">The first leaf's number.</param>
    /// <param name="key">The eight key words.</param>
    /// <param name="flags">The mode's flags.</param>
    /// <param name="chainingValues">Receives 32 bytes for each leaf.</param>
    /// <returns>The number of leaves.</returns>
    [SkipLocalsInit]
    public static int HashLeaves(
        Blake3Kernel kernel, byte* input, int length, ulong counter, uint* key, uint flags, byte* chainingValues)
    {
        byte** inputs = stackalloc byte*[BatchLeaves + MaxLanes];
        byte** outputs = stackalloc byte*[BatchLeaves];
        ulong* counters = stackalloc ulong[BatchLeaves];
        int whole = length / Blake3Constants.LeafSizeInBytes;
        for (int i = 0; i < whole; i++)
        {
            inputs[i] = input + (i * Blake3Constants.LeafSizeInBytes);
            outputs[i] = chainingValues + (i * Blake3Constants.ChainingValueSizeInBytes);
            counters[i] = counter + (uint)i;
        }

        // What follows a full batch is most likely the next one; fetching it ahead does no harm when it is not.
        int ahead = whole == BatchLeaves ? MaxLanes : 0;
        for (int i = whole; i < whole + ahead; i++)
        {
            inputs[i] = input + (i * Blake3Constants.LeafSizeInBytes);
        }

        CompressMany(
            kernel, inputs, outputs, counters, whole, ahead, Blake3Constants.BlocksPerLeaf, key, flags,
            Blake3Constants.LeafStart, Blake3Constants.LeafEnd);
        int rest = length % Blake3Constants.LeafSizeInBytes;
        if (rest == 0)
        {
            return whole;
        }

        Blake3Node.CreateLeaf(
            kernel, input + (whole * Blake3Constants.LeafSizeInBytes), rest, counter + (uint)whole, key, flags,
            out Blake3Node node);
        node.WriteChainingValue(kernel, chainingValues + (whole * Blake3Constants.ChainingValueSizeInBytes));
        return whole + 1;
    }

    /// <summary>Joins neighbours, level by level, until at most <paramref name="target"/> chaining values are left.</summary>
    /// <remarks>Pairing from the left with the odd one carried up gives the specification's tree, whose left parts are full.</remarks>
    [SkipLocalsInit]
    public static void Reduce(
        Blake3Kernel kernel, byte* chainingValues, int count, int target, uint* key, uint flags)
    {
        byte** inputs = stackalloc byte*[BatchLeaves / 2];
        byte** outputs = stackalloc byte*[BatchLeaves / 2];
        while (count > target)
        {
            int pairs = count / 2;
            for (int first = 0; first < pairs; first += BatchLeaves / 2)
            {
                int jobs = Math.Min(BatchLeaves / 2, pairs - first);
                for (int i = 0; i < jobs; i++)
                {
                    inputs[i] = chainingValues + ((first + i) * Blake3Constants.BlockSizeInBytes);
                    outputs[i] = chainingValues + ((first + i) * Blake3Constants.ChainingValueSizeInBytes);
                }

                CompressMany(kernel, inputs, outputs, null, jobs, 0, 1, key, flags | Blake3Constants.Parent, 0, 0);
            }

            if ((count & 1) != 0)
            {
                CopyChainingValue(chainingValues, count - 1, pairs);
            }

            count = pairs + (count & 1);
        }
    }

    /// <summary>Hashes a whole input down to its root node.</summary>
    [SkipLocalsInit]
    public static void HashRoot(
        Blake3Kernel kernel, byte* input, nuint length, uint* key, uint flags, out Blake3Node root)
    {
        if (length <= Blake3Constants.LeafSizeInBytes)
        {
            Blake3Node.CreateLeaf(kernel, input, (int)length, 0, key, flags, out root);
            return;
        }

        const int BatchLength = BatchLeaves * Blake3Constants.LeafSizeInBytes;
        byte* batch = stackalloc byte[BatchLeaves * Blake3Constants.ChainingValueSizeInBytes];
        byte* stack = stackalloc byte[Blake3Constants.MaxDepth * Blake3Constants.ChainingValueSizeInBytes];
        int depth = 0;
        ulong batches = 0;

        // Batches are full subtrees of equal size, so the waiting left siblings are the ones in the binary count of batches.
        while (length > BatchLength)
        {
            int leaves = HashLeaves(kernel, input, BatchLength, batches * BatchLeaves, key, flags, batch);
            Reduce(kernel, batch, leaves, 1, key, flags);
            CopyChainingValue(batch, 0, stack, depth++);
            batches++;
            for (ulong remaining = batches; (remaining & 1) == 0; remaining >>= 1)
            {
                Reduce(kernel, stack + ((depth - 2) * Blake3Constants.ChainingValueSizeInBytes), 2, 1, key, flags);
                depth--;
            }

            input += BatchLength;
            length -= BatchLength;
        }

        int lastLeaves = HashLeaves(kernel, input, (int)length, batches * BatchLeaves, key, flags, batch);
        if (depth == 0)
        {
            Reduce(kernel, batch, lastLeaves, 2, key, flags);
            Blake3Node.CreateParent(batch, key, flags, out root);
            return;
        }

        Reduce(kernel, batch, lastLeaves, 1, key, flags);
        CopyChainingValue(batch, 0, stack, depth);
        for (; depth > 1; depth--)
        {
            Reduce(kernel, stack + ((depth - 1) * Blake3Constants.ChainingValueSizeInBytes), 2, 1, key, flags);
        }

        Blake3Node.CreateParent(stack, key, flags, out root);
    }

    /// <summary>Copies a chaining value within an array of them.</summary>
    public static void CopyChainingValue(byte* chainingValues, int source, int destination) =>
        CopyChainingValue(chainingValues, source, chainingValues, destination);

    private static void CopyChainingValue(byte* source, int sourceIndex, byte* destination, int destinationIndex) =>
        Unsafe.CopyBlockUnaligned(
            destination + (destinationIndex * Blake3Constants.ChainingValueSizeInBytes),
            source + (sourceIndex * Blake3Constants.ChainingValueSizeInBytes),
            Blake3Constants.ChainingValueSizeInBytes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int LanesFor(Blake3Kernel kernel, int count)
    {
        if (kernel >= Blake3Kernel.Vector512 && Blake3Vector512.IsSupported && count > Blake3Vector256.Lanes)
        {
            return count > Blake3Vector512.Lanes ? Blake3Vector512.PairLanes : Blake3Vector512.Lanes;
        }

        if (kernel >= Blake3Kernel.Vector256 && Blake3Vector256.IsSupported && count > Blake3Vector128.Lanes)
        {
            return Blake3Vector256.Lanes;
        }

        return kernel >= Blake3Kernel.Vector128 && Blake3Vector128.IsSupported && count > 1 ? Blake3Vector128.Lanes : 1;
    }

    private static void CompressOne(
        Blake3Kernel kernel,
        byte* input,
        byte* output,
        ulong counter,
        int blocks,
        uint* key,
        uint flags,
        uint firstFlags,
        uint lastFlags,
        uint lastLength = Blake3Constants.BlockSizeInBytes)
    {
        uint* words = stackalloc uint[Blake3Constants.WordsPerChainingValue];
        Unsafe.CopyBlockUnaligned(words, key, Blake3Constants.ChainingValueSizeInBytes);
        uint blockFlags = flags | firstFlags;
        uint blockLength = Blake3Constants.BlockSizeInBytes;
        for (int block = 0; block < blocks; block++)
        {
            if (block == blocks - 1)
            {
                blockFlags |= lastFlags;
                blockLength = lastLength;
            }

            CompressBlock(kernel, words, input + (block * Blake3Constants.BlockSizeInBytes), blockLength, counter, blockFlags);
            blockFlags = flags;
        }

        WriteWords(words, output);
    }
}
