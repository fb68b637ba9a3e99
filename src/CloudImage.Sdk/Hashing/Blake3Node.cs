using System;
using System.Runtime.CompilerServices;

namespace CloudImage.Sdk.Hashing;

/// <summary>The last compression of a subtree, not yet done: what a chaining value or the root's output is made from.</summary>
/// <remarks>Keeping it undone lets the same node become a chaining value, a digest or any length of extendable output.</remarks>
internal unsafe struct Blake3Node
{
    private fixed uint _chainingValue[Blake3Constants.WordsPerChainingValue];
    private fixed byte _block[Blake3Constants.BlockSizeInBytes];
    private uint _blockLength;
    private ulong _counter;
    private uint _flags;

    /// <summary>Makes the node of a leaf of 0 to 1024 bytes: every block but the last is compressed now.</summary>
    public static void CreateLeaf(
        Blake3Kernel kernel, byte* input, int length, ulong counter, uint* key, uint flags, out Blake3Node node)
    {
        Unsafe.SkipInit(out node);
        fixed (Blake3Node* self = &node)
        {
            uint* chainingValue = self->_chainingValue;
            CopyWords(key, chainingValue);
            uint blockFlags = flags | Blake3Constants.LeafStart;
            while (length > Blake3Constants.BlockSizeInBytes)
            {
                Blake3Engine.CompressBlock(
                    kernel, chainingValue, input, Blake3Constants.BlockSizeInBytes, counter, blockFlags);
                blockFlags = flags;
                input += Blake3Constants.BlockSizeInBytes;
                length -= Blake3Constants.BlockSizeInBytes;
            }

            Span<byte> block = new(self->_block, Blake3Constants.BlockSizeInBytes);
            new ReadOnlySpan<byte>(input, length).CopyTo(block);
            block[length..].Clear();
            self->_blockLength = (uint)length;
            self->_counter = counter;
            self->_flags = blockFlags | Blake3Constants.LeafEnd;
        }
    }

    /// <summary>Makes the node over two chaining values.</summary>
    /// <param name="children">The left and the right chaining value, 64 bytes.</param>
    /// <param name="key">The eight key words.</param>
    /// <param name="flags">The mode's flags.</param>
    /// <param name="node">The node.</param>
    public static void CreateParent(byte* children, uint* key, uint flags, out Blake3Node node)
    {
        Unsafe.SkipInit(out node);
        fixed (Blake3Node* self = &node)
        {
            CopyWords(key, self->_chainingValue);
            Unsafe.CopyBlockUnaligned(self->_block, children, Blake3Constants.BlockSizeInBytes);
            self->_blockLength = Blake3Constants.BlockSizeInBytes;
            self->_counter = 0;
            self->_flags = flags | Blake3Constants.Parent;
        }
    }

    /// <summary>Writes the 32 bytes that a parent takes of this node.</summary>
    public readonly void WriteChainingValue(Blake3Kernel kernel, byte* destination) =>
        WriteShort(kernel, destination, 0);

    /// <summary>Writes the 32 bytes of the digest, this node being the root.</summary>
    public readonly void WriteDigest(Blake3Kernel kernel, byte* destination) =>
        WriteShort(kernel, destination, Blake3Constants.Root);

    /// <summary>Writes extendable output, this node being the root.</summary>
    /// <param name="destination">Receives the output.</param>
    /// <param name="offset">The position in the output of the first byte.</param>
    public readonly void WriteOutput(Span<byte> destination, ulong offset)
    {
        byte* block = stackalloc byte[Blake3Constants.BlockSizeInBytes];
        fixed (Blake3Node* self = &this)
        {
            while (!destination.IsEmpty)
            {
                ulong counter = offset / Blake3Constants.BlockSizeInBytes;
                int skip = (int)(offset % Blake3Constants.BlockSizeInBytes);
                Blake3Scalar.CompressExtended(
                    self->_chainingValue, self->_block, _blockLength, counter, _flags | Blake3Constants.Root, block);
                int count = Math.Min(destination.Length, Blake3Constants.BlockSizeInBytes - skip);
                new ReadOnlySpan<byte>(block + skip, count).CopyTo(destination);
                destination = destination[count..];
                offset += (uint)count;
            }
        }
    }

    private static void CopyWords(uint* source, uint* destination) =>
        new ReadOnlySpan<uint>(source, Blake3Constants.WordsPerChainingValue)
            .CopyTo(new Span<uint>(destination, Blake3Constants.WordsPerChainingValue));

    private readonly void WriteShort(Blake3Kernel kernel, byte* destination, uint rootFlag)
    {
        uint* words = stackalloc uint[Blake3Constants.WordsPerChainingValue];
        fixed (Blake3Node* self = &this)
        {
            CopyWords(self->_chainingValue, words);
            Blake3Engine.CompressBlock(kernel, words, self->_block, _blockLength, _counter, _flags | rootFlag);
        }

        Blake3Engine.WriteWords(words, destination);
    }
}
