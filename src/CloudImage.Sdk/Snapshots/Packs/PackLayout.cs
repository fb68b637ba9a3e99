using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Security.Cryptography;
using CloudImage.Sdk.Snapshots.Records;

namespace CloudImage.Sdk.Snapshots.Packs;

/// <summary>The bytes of a pack around its frames: header, slot table, footer.</summary>
internal static class PackLayout
{
    public const int HeaderLength = 32;
    public const int FooterLength = 88;
    public const int MaxFrames = 4096;
    public const int DataPackLength = 64 << 20;
    public const int TreePackLength = 8 << 20;

    /// <summary>Nothing that calls itself a pack is longer: a target length and one frame, then table and footer.</summary>
    public const long MaxLength = DataPackLength + FrameHeader.MaxPlainLength + (1 << 20);

    private const uint HeaderMagic = 0x30504943; // "CIP0"
    private const uint FooterMagic = 0x30544943; // "CIT0"
    private const int TableHashOffset = 24;
    private const int PackHashOffset = 56;

    public static void WriteHeader(PackId id, Span<byte> destination)
    {
        destination[..HeaderLength].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(destination, HeaderMagic);
        id.Write(destination[8..]);
    }

    public static bool IsHeader(PackId id, ReadOnlySpan<byte> source)
    {
        Span<byte> expected = stackalloc byte[HeaderLength];
        WriteHeader(id, expected);
        return source[..HeaderLength].SequenceEqual(expected);
    }

    /// <summary>Length of table and footer of a pack of so many frames.</summary>
    public static int TailLength(int frameCount) => (frameCount * PackSlot.SizeInBytes) + FooterLength;

    /// <summary>The table and all of the footer but the hash of the pack, which the caller appends.</summary>
    public static byte[] BuildTail(PackId id, List<PackSlot> slots, long tableOffset)
    {
        int tableLength = slots.Count * PackSlot.SizeInBytes;
        byte[] tail = new byte[tableLength + PackHashOffset];
        for (int index = 0; index < slots.Count; index++)
        {
            slots[index].Write(tail.AsSpan(index * PackSlot.SizeInBytes));
        }

        Span<byte> footer = tail.AsSpan(tableLength);
        BinaryPrimitives.WriteUInt32LittleEndian(footer, FooterMagic);
        BinaryPrimitives.WriteInt32LittleEndian(footer[8..], slots.Count);
        BinaryPrimitives.WriteInt64LittleEndian(footer[16..], tableOffset);
        HashTable(id, tail.AsSpan(0, tableLength + TableHashOffset), footer[TableHashOffset..]);
        return tail;
    }

    /// <summary>Where the table begins, or -1 where the footer is none.</summary>
    public static long TableOffset(ReadOnlySpan<byte> footer, long packLength, out int count)
    {
        count = BinaryPrimitives.ReadInt32LittleEndian(footer[8..]);
        long offset = BinaryPrimitives.ReadInt64LittleEndian(footer[16..]);
        bool isValid = BinaryPrimitives.ReadUInt32LittleEndian(footer) == FooterMagic && BinaryPrimitives.ReadUInt32LittleEndian(footer[4..]) == 0
            && BinaryPrimitives.ReadUInt32LittleEndian(footer[12..]) == 0 && count is > 0 and <= MaxFrames
            && offset == packLength - FooterLength - ((long)count * PackSlot.SizeInBytes) && offset >= HeaderLength;
        return isValid ? offset : -1;
    }

    /// <summary>Reads the slots from table and footer.</summary>
    /// <exception cref="RepositoryCorruptException">The table does not match its hash, or its frames do not fill the pack.</exception>
    public static PackSlot[] ReadTable(PackId id, ReadOnlySpan<byte> tail, int count, long tableOffset)
    {
        int tableLength = count * PackSlot.SizeInBytes;
        Span<byte> hash = stackalloc byte[32];
        HashTable(id, tail[..(tableLength + TableHashOffset)], hash);
        if (!hash.SequenceEqual(tail.Slice(tableLength + TableHashOffset, 32)))
        {
            throw new RepositoryCorruptException(id.ToString(), tableOffset, "the slot table does not match its hash.");
        }

        PackSlot[] slots = new PackSlot[count];
        long expected = HeaderLength;
        for (int index = 0; index < count; index++)
        {
            if (!PackSlot.TryRead(tail.Slice(index * PackSlot.SizeInBytes, PackSlot.SizeInBytes), out slots[index]) || slots[index].Offset != expected
                || (slots[index].Header.Kind == FrameKind.Node) != (id.Kind == PackKind.Tree))
            {
                throw new RepositoryCorruptException(id.ToString(), tableOffset + (index * PackSlot.SizeInBytes), $"slot {index} does not follow the one before it.");
            }

            expected += slots[index].Length;
        }

        return expected == tableOffset
            ? slots
            : throw new RepositoryCorruptException(id.ToString(), expected, $"the frames end here and the slot table begins at {tableOffset}.");
    }

    public static ReadOnlySpan<byte> PackHash(ReadOnlySpan<byte> footer) => footer[PackHashOffset..];

    private static void HashTable(PackId id, ReadOnlySpan<byte> tableAndFooter, Span<byte> destination)
    {
        Span<byte> name = stackalloc byte[PackId.SizeInBytes];
        id.Write(name);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(name);
        hash.AppendData(tableAndFooter);
        hash.GetHashAndReset(destination);
    }
}
