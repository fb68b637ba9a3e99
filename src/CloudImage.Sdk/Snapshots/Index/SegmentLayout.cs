using System;
using System.Buffers.Binary;
using System.IO.Hashing;

namespace CloudImage.Sdk.Snapshots.Index;

/// <summary>The bytes of an index segment: header, blocks of entries, table of packs, filter, fences, names of merged segments, footer.</summary>
internal static class SegmentLayout
{
    public const int HeaderLength = 32;
    public const int BlockLength = 4096;
    public const int EntryLength = 24;
    public const int EntriesPerBlock = (BlockLength - 16) / EntryLength;
    public const int FooterLength = 72;
    public const int FooterHashOffset = 40;
    public const int SlotBits = 12;
    public const uint HeaderMagic = 0x30534943; // "CIS0"
    public const uint FooterMagic = 0x30454943; // "CIE0"

    /// <summary>Ends a block: XxHash64, seeded with the block's number, of all bytes but the first eight.</summary>
    public static void SealBlock(Span<byte> block, int count, long number)
    {
        BinaryPrimitives.WriteInt64LittleEndian(block[8..], count);
        BinaryPrimitives.WriteUInt64LittleEndian(block, XxHash64.HashToUInt64(block[8..], number));
    }

    /// <summary>The number of entries of a block, or -1 where its checksum does not match.</summary>
    public static int CheckBlock(ReadOnlySpan<byte> block, long number)
    {
        long count = BinaryPrimitives.ReadInt64LittleEndian(block[8..]);
        bool isValid = BinaryPrimitives.ReadUInt64LittleEndian(block) == XxHash64.HashToUInt64(block[8..], number) && count is > 0 and <= EntriesPerBlock;
        return isValid ? (int)count : -1;
    }

    public static void WriteEntry(Span<byte> block, int index, in IndexEntry entry)
    {
        Span<byte> target = block.Slice(16 + (index * EntryLength), EntryLength);
        entry.Key.Write(target);
        BinaryPrimitives.WriteUInt64LittleEndian(target[16..], ((ulong)(uint)entry.Pack << SlotBits) | (uint)entry.Slot);
    }

    public static IndexEntry ReadEntry(ReadOnlySpan<byte> block, int index)
    {
        ReadOnlySpan<byte> source = block.Slice(16 + (index * EntryLength), EntryLength);
        ulong place = BinaryPrimitives.ReadUInt64LittleEndian(source[16..]);
        return new IndexEntry(ChunkKey.Read(source), (int)Math.Min(int.MaxValue, place >> SlotBits), (int)(place & ((1 << SlotBits) - 1)));
    }
}
