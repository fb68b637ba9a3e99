using System;
using System.Buffers.Binary;

namespace CloudImage.Sdk.Snapshots.Index;

/// <summary>
/// A split-block Bloom filter: each key sets eight bits, one in each 32-bit word of one block of 32 bytes, so that a
/// question touches one cache line. Eight bits a key answer "perhaps" for about three in a hundred keys that are not there.
/// </summary>
/// <remarks>Keys are digests, uniformly distributed already: their own bits choose block and bits. Reading is thread-safe.</remarks>
internal sealed class KeyFilter
{
    public const int BlockLength = 32;
    private const int BitsPerKey = 8;

    // Odd constants that spread one 32-bit number over eight words, as split-block filters do (any odd numbers serve).
    private static ReadOnlySpan<uint> Salts => [0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31];

    private readonly byte[] _blocks;

    public KeyFilter(byte[] blocks) => _blocks = blocks;

    public ReadOnlyMemory<byte> Blocks => _blocks;

    /// <summary>Length in bytes of a filter for so many keys.</summary>
    public static long LengthFor(long keys) => Math.Max(1, ((keys * BitsPerKey) + (BlockLength * 8) - 1) / (BlockLength * 8)) * BlockLength;

    public static KeyFilter For(long keys) => new(new byte[LengthFor(keys)]);

    public void Add(ChunkKey key)
    {
        Span<byte> block = BlockOf(key);
        uint hash = (uint)key.Low;
        for (int word = 0; word < 8; word++)
        {
            Span<byte> target = block.Slice(word * 4, 4);
            BinaryPrimitives.WriteUInt32LittleEndian(target, BinaryPrimitives.ReadUInt32LittleEndian(target) | Bit(hash, word));
        }
    }

    public bool MayContain(ChunkKey key)
    {
        ReadOnlySpan<byte> block = BlockOf(key);
        uint hash = (uint)key.Low;
        for (int word = 0; word < 8; word++)
        {
            if ((BinaryPrimitives.ReadUInt32LittleEndian(block[(word * 4)..]) & Bit(hash, word)) == 0)
            {
                return false;
            }
        }

        return true;
    }

    private static uint Bit(uint hash, int word) => 1u << (int)((hash * Salts[word]) >> 27);

    private Span<byte> BlockOf(ChunkKey key)
    {
        uint block = (uint)(((key.Low >> 32) * ((ulong)_blocks.Length / BlockLength)) >> 32);
        return _blocks.AsSpan((int)block * BlockLength, BlockLength);
    }
}
