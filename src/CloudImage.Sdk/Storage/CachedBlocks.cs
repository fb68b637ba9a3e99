using System;
using System.Buffers;
using System.Buffers.Binary;
using System.IO.Hashing;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Storage;

/// <summary>The form of an object in a cache: its content, then a 64-bit checksum (XXH3) of each 4 KiB of it.</summary>
internal static class CachedBlocks
{
    private const int BlockLength = 4096;
    private const int ChecksumLength = 8;

    internal static int GetStoredLength(long length) => checked((int)(length + (CountBlocks(length) * ChecksumLength)));

    /// <summary>Writes the checksums behind the content.</summary>
    internal static void Seal(Span<byte> stored, int length, long seed)
    {
        for (int index = 0; index < CountBlocks(length); index++)
        {
            int start = index * BlockLength;
            ulong checksum = Compute(stored[start..Math.Min(length, start + BlockLength)], seed, index);
            BinaryPrimitives.WriteUInt64LittleEndian(stored[(length + (index * ChecksumLength))..], checksum);
        }
    }

    /// <summary>Reads a range and compares the checksums of every block that it touches.</summary>
    /// <returns>The number of bytes read, or -1 where the object is gone or damaged.</returns>
    internal static async ValueTask<int> ReadAsync(ObjectStore cache, string name, long length, long seed, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        int wanted = (int)Math.Clamp(length - offset, 0, buffer.Length);
        if (wanted == 0)
        {
            return 0;
        }

        int first = (int)(offset / BlockLength);
        int last = (int)((offset + wanted - 1) / BlockLength);
        long start = (long)first * BlockLength;
        int blocksLength = (int)(Math.Min(length, (last + 1L) * BlockLength) - start);
        int checksumsLength = (last - first + 1) * ChecksumLength;
        byte[] rented = ArrayPool<byte>.Shared.Rent(blocksLength + checksumsLength);
        try
        {
            Memory<byte> blocks = rented.AsMemory(0, blocksLength);
            Memory<byte> checksums = rented.AsMemory(blocksLength, checksumsLength);
            bool isWhole = await cache.ReadAsync(name, blocks, start, mode, cancellationToken).ConfigureAwait(false) == blocksLength
                && await cache.ReadAsync(name, checksums, length + ((long)first * ChecksumLength), mode, cancellationToken).ConfigureAwait(false) == checksumsLength
                && AreRight(blocks.Span, checksums.Span, seed, first);
            if (!isWhole)
            {
                return -1;
            }

            blocks.Slice((int)(offset - start), wanted).CopyTo(buffer);
            return wanted;
        }
        catch (ObjectNotFoundException)
        {
            return -1;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private static bool AreRight(ReadOnlySpan<byte> blocks, ReadOnlySpan<byte> checksums, long seed, int first)
    {
        for (int index = 0; !blocks.IsEmpty; index++)
        {
            ReadOnlySpan<byte> block = blocks[..Math.Min(BlockLength, blocks.Length)];
            if (Compute(block, seed, first + index) != BinaryPrimitives.ReadUInt64LittleEndian(checksums[(index * ChecksumLength)..]))
            {
                return false;
            }

            blocks = blocks[block.Length..];
        }

        return true;
    }

    /// <summary>The place is part of the checksum, so that a block of zeros or of another place does not pass.</summary>
    private static ulong Compute(ReadOnlySpan<byte> block, long seed, int index) => XxHash3.HashToUInt64(block, unchecked(seed + index + 1));

    private static long CountBlocks(long length) => (length + BlockLength - 1) / BlockLength;
}
