using System;
using System.Buffers.Binary;
using System.Numerics;

namespace CloudImage.Sdk.Snapshots.Packs;

/// <summary>A chunk as the blocks in which it differs from another: a mask of 64 bits, then those blocks, each a 64th of the chunk.</summary>
internal static class ChunkPatch
{
    public const int MaskLength = 8;
    private const int Blocks = 64;
    private const int MaxBlocks = Blocks / 2;

    /// <summary>The longest patch: half of a chunk, and the mask.</summary>
    public static int MaxLength(int chunkSize) => MaskLength + (chunkSize / Blocks * MaxBlocks);

    /// <summary>Makes a patch.</summary>
    /// <returns>Its length; 0 where more than half of the chunk changed, or nothing: then the base itself is the chunk.</returns>
    public static int Create(ReadOnlySpan<byte> chunk, ReadOnlySpan<byte> basis, Span<byte> patch)
    {
        int block = chunk.Length / Blocks;
        ulong mask = 0;
        int length = MaskLength;
        for (int index = 0; index < Blocks; index++)
        {
            ReadOnlySpan<byte> content = chunk.Slice(index * block, block);
            if (content.SequenceEqual(basis.Slice(index * block, block)))
            {
                continue;
            }

            if (BitOperations.PopCount(mask) == MaxBlocks)
            {
                return 0;
            }

            mask |= 1UL << index;
            content.CopyTo(patch[length..]);
            length += block;
        }

        BinaryPrimitives.WriteUInt64LittleEndian(patch, mask);
        return mask == 0 ? 0 : length;
    }

    /// <summary>Lays a patch over its base.</summary>
    /// <param name="patch">The patch.</param>
    /// <param name="chunk">The base; becomes the chunk.</param>
    /// <returns>Whether the patch has the length that its mask asks for.</returns>
    public static bool TryApply(ReadOnlySpan<byte> patch, Span<byte> chunk)
    {
        int block = chunk.Length / Blocks;
        if (patch.Length < MaskLength)
        {
            return false;
        }

        ulong mask = BinaryPrimitives.ReadUInt64LittleEndian(patch);
        if (patch.Length != MaskLength + (BitOperations.PopCount(mask) * block))
        {
            return false;
        }

        ReadOnlySpan<byte> blocks = patch[MaskLength..];
        for (; mask != 0; mask &= mask - 1, blocks = blocks[block..])
        {
            blocks[..block].CopyTo(chunk[(BitOperations.TrailingZeroCount(mask) * block)..]);
        }

        return true;
    }
}
