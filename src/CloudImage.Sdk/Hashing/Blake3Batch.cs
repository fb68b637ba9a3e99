using System;
using System.Runtime.CompilerServices;

namespace CloudImage.Sdk.Hashing;

/// <summary>Hashes many independent inputs: leaves, then parents level by level, of all of them side by side.</summary>
/// <remarks>
/// Every whole leaf costs the same sixteen blocks whatever input it belongs to, and every parent one, so a lane does not
/// care whose work it does. Only the roots carry another flag: they run as a group of their own.
/// </remarks>
internal static unsafe class Blake3Batch
{
    /// <summary>The most inputs of one call.</summary>
    public const int MaxInputs = 128;

    private const int PaddingSpace = 16 * 1024;

    /// <summary>Hashes inputs to their digests.</summary>
    /// <param name="kernel">The vector width.</param>
    /// <param name="inputs">The inputs' addresses.</param>
    /// <param name="lengths">The inputs' lengths in bytes.</param>
    /// <param name="count">The number of inputs, at most <see cref="MaxInputs"/>.</param>
    /// <param name="key">The eight key words.</param>
    /// <param name="flags">The mode's flags.</param>
    /// <param name="digests">Receives 32 bytes for each input.</param>
    public static void HashMany(
        Blake3Kernel kernel, byte** inputs, int* lengths, int count, uint* key, uint flags, byte* digests)
    {
        for (int first = 0; first < count;)
        {
            int taken = lengths[first] <= Blake3Constants.LeafSizeInBytes
                ? HashShort(kernel, inputs + first, lengths + first, count - first, key, flags, digests)
                : HashTrees(kernel, inputs + first, lengths + first, count - first, key, flags, digests);
            if (taken == 0)
            {
                Blake3Engine.HashRoot(
                    kernel, inputs[first], (nuint)lengths[first], key, flags, out Blake3Node root);
                root.WriteDigest(kernel, digests);
                taken = 1;
            }

            first += taken;
            digests += taken * ContentDigest.SizeInBytes;
        }
    }

    /// <summary>Hashes inputs of one leaf that are filled up with zeros to whole blocks and lie one behind the other.</summary>
    [SkipLocalsInit]
    public static void HashPadded(Blake3Kernel kernel, byte* start, int length, int count, uint* key, uint flags, byte* digests)
    {
        byte** inputs = stackalloc byte*[MaxInputs];
        byte** outputs = stackalloc byte*[MaxInputs];
        int blocks = (length + Blake3Constants.BlockSizeInBytes - 1) / Blake3Constants.BlockSizeInBytes;
        int padded = blocks * Blake3Constants.BlockSizeInBytes;
        uint lastLength = (uint)(length - padded + Blake3Constants.BlockSizeInBytes);
        for (int first = 0; first < count; first += MaxInputs)
        {
            int taken = Math.Min(MaxInputs, count - first);
            for (int i = 0; i < taken; i++)
            {
                inputs[i] = start + ((long)(first + i) * padded);
                outputs[i] = digests + ((first + i) * ContentDigest.SizeInBytes);
            }

            HashRoots(kernel, inputs, outputs, taken, blocks, lastLength, key, flags);
        }
    }

    // Inputs of one leaf are their own roots. A run of equal lengths goes through the lanes.
    [SkipLocalsInit]
    private static int HashShort(
        Blake3Kernel kernel, byte** inputs, int* lengths, int count, uint* key, uint flags, byte* digests)
    {
        int length = lengths[0];
        int run = 1;
        while (run < count && lengths[run] == length)
        {
            run++;
        }

        if (run == 1 || length == 0)
        {
            return 0;
        }

        byte** outputs = stackalloc byte*[MaxInputs];
        for (int i = 0; i < run; i++)
        {
            outputs[i] = digests + (i * ContentDigest.SizeInBytes);
        }

        int blocks = (length + Blake3Constants.BlockSizeInBytes - 1) / Blake3Constants.BlockSizeInBytes;
        int padded = blocks * Blake3Constants.BlockSizeInBytes;
        if (padded == length)
        {
            HashRoots(kernel, inputs, outputs, run, blocks, Blake3Constants.BlockSizeInBytes, key, flags);
            return run;
        }

        // The kernels read whole blocks: those that end within one are copied, as many at once as there is room for.
        byte* space = stackalloc byte[PaddingSpace];
        byte** copies = stackalloc byte*[MaxInputs];
        int room = PaddingSpace / padded;
        for (int first = 0; first < run; first += room)
        {
            int taken = Math.Min(room, run - first);
            for (int i = 0; i < taken; i++)
            {
                copies[i] = space + (i * padded);
                Unsafe.CopyBlockUnaligned(copies[i], inputs[first + i], (uint)length);
                Unsafe.InitBlockUnaligned(copies[i] + length, 0, (uint)(padded - length));
            }

            uint lastLength = (uint)(length - padded + Blake3Constants.BlockSizeInBytes);
            HashRoots(kernel, copies, outputs + first, taken, blocks, lastLength, key, flags);
        }

        return run;
    }

    private static void HashRoots(
        Blake3Kernel kernel, byte** inputs, byte** outputs, int count, int blocks, uint lastLength, uint* key, uint flags) =>
        Blake3Engine.CompressMany(
            kernel, inputs, outputs, null, count, 0, blocks, key, flags,
            Blake3Constants.LeafStart, Blake3Constants.LeafEnd | Blake3Constants.Root, lastLength);

    // Takes inputs of two leaves or more until a batch is full. An input that fills a batch alone gains nothing here.
    [SkipLocalsInit]
    private static int HashTrees(
        Blake3Kernel kernel, byte** inputs, int* lengths, int count, uint* key, uint flags, byte* digests)
    {
        byte* chainingValues = stackalloc byte[Blake3Engine.BatchLeaves * Blake3Constants.ChainingValueSizeInBytes];
        int* starts = stackalloc int[MaxInputs];
        int* counts = stackalloc int[MaxInputs];
        int taken = 0;
        int leaves = 0;
        for (; taken < count; taken++)
        {
            int length = lengths[taken];
            int own = (int)(((long)length + Blake3Constants.LeafSizeInBytes - 1) / Blake3Constants.LeafSizeInBytes);
            if (length <= Blake3Constants.LeafSizeInBytes || own > Blake3Engine.BatchLeaves - leaves)
            {
                break;
            }

            starts[taken] = leaves;
            counts[taken] = own;
            leaves += own;
        }

        if (taken == 0)
        {
            return 0;
        }

        HashLeaves(kernel, inputs, lengths, starts, taken, key, flags, chainingValues);
        while (JoinLevel(kernel, chainingValues, starts, counts, taken, key, flags, digests))
        {
        }

        return taken;
    }

    [SkipLocalsInit]
    private static void HashLeaves(
        Blake3Kernel kernel,
        byte** inputs,
        int* lengths,
        int* starts,
        int count,
        uint* key,
        uint flags,
        byte* chainingValues)
    {
        byte** leafInputs = stackalloc byte*[Blake3Engine.BatchLeaves];
        byte** leafOutputs = stackalloc byte*[Blake3Engine.BatchLeaves];
        ulong* counters = stackalloc ulong[Blake3Engine.BatchLeaves];
        int jobs = 0;
        for (int i = 0; i < count; i++)
        {
            int whole = lengths[i] / Blake3Constants.LeafSizeInBytes;
            byte* output = chainingValues + (starts[i] * Blake3Constants.ChainingValueSizeInBytes);
            for (int leaf = 0; leaf < whole; leaf++)
            {
                leafInputs[jobs] = inputs[i] + (leaf * Blake3Constants.LeafSizeInBytes);
                leafOutputs[jobs] = output + (leaf * Blake3Constants.ChainingValueSizeInBytes);
                counters[jobs] = (uint)leaf;
                jobs++;
            }

            int rest = lengths[i] % Blake3Constants.LeafSizeInBytes;
            if (rest != 0)
            {
                Blake3Node.CreateLeaf(
                    kernel, inputs[i] + (whole * Blake3Constants.LeafSizeInBytes), rest, (uint)whole, key, flags,
                    out Blake3Node node);
                node.WriteChainingValue(kernel, output + (whole * Blake3Constants.ChainingValueSizeInBytes));
            }
        }

        Blake3Engine.CompressMany(
            kernel, leafInputs, leafOutputs, counters, jobs, 0, Blake3Constants.BlocksPerLeaf, key, flags,
            Blake3Constants.LeafStart, Blake3Constants.LeafEnd);
    }

    // Joins one level of every tree that has one left; a tree of two becomes its digest. False when nothing was left.
    [SkipLocalsInit]
    private static bool JoinLevel(
        Blake3Kernel kernel, byte* chainingValues, int* starts, int* counts, int count, uint* key, uint flags, byte* digests)
    {
        byte** inputs = stackalloc byte*[Blake3Engine.BatchLeaves];
        byte** outputs = stackalloc byte*[Blake3Engine.BatchLeaves];
        byte** rootInputs = stackalloc byte*[MaxInputs];
        byte** rootOutputs = stackalloc byte*[MaxInputs];
        int parents = 0;
        int roots = 0;
        for (int i = 0; i < count; i++)
        {
            byte* own = chainingValues + (starts[i] * Blake3Constants.ChainingValueSizeInBytes);
            if (counts[i] == 2)
            {
                rootInputs[roots] = own;
                rootOutputs[roots++] = digests + (i * ContentDigest.SizeInBytes);
                continue;
            }

            for (int pair = 0; pair < counts[i] / 2; pair++)
            {
                inputs[parents] = own + (pair * Blake3Constants.BlockSizeInBytes);
                outputs[parents++] = own + (pair * Blake3Constants.ChainingValueSizeInBytes);
            }
        }

        uint parentFlags = flags | Blake3Constants.Parent;
        Blake3Engine.CompressMany(kernel, inputs, outputs, null, parents, 0, 1, key, parentFlags, 0, 0);
        Blake3Engine.CompressMany(
            kernel, rootInputs, rootOutputs, null, roots, 0, 1, key, parentFlags | Blake3Constants.Root, 0, 0);
        for (int i = 0; i < count; i++)
        {
            int pairs = counts[i] / 2;
            if ((counts[i] & 1) != 0 && pairs > 0)
            {
                Blake3Engine.CopyChainingValue(chainingValues, starts[i] + counts[i] - 1, starts[i] + pairs);
            }

            counts[i] = counts[i] == 2 ? 0 : pairs + (counts[i] & 1);
        }

        return parents > 0;
    }
}
