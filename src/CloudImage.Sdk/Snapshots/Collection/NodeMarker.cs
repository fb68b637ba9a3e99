using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO.Hashing;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Trees;

namespace CloudImage.Sdk.Snapshots.Collection;

/// <summary>Marks what the plain bytes of a node refer to, without building the node and without its Merkle hash: the checksum of the frame vouches for it.</summary>
internal static class NodeMarker
{
    /// <summary>Marks the chunks of a leaf.</summary>
    /// <param name="place">Where the leaf lies, for messages.</param>
    /// <param name="plain">Its plain bytes.</param>
    /// <param name="find">Gives the marks of a pack, or null where its frames are of no interest.</param>
    /// <returns>How many references were followed.</returns>
    /// <exception cref="RepositoryCorruptException">The bytes are no leaf.</exception>
    public static int MarkLeaf(in FramePlace place, ReadOnlySpan<byte> plain, Func<PackId, PackMarks?> find)
    {
        int entries = Open(place, plain, 0, out int tableCount, out int patches);
        PackMarks?[] marks = new PackMarks?[tableCount];
        for (int slot = 0; slot < tableCount; slot++)
        {
            marks[slot] = find(ReadPack(place, plain, slot));
        }

        // A patch keeps two frames: its own, where a chunk's would be, and that which it is laid over.
        int end = NodeLayout.TableOffset + (tableCount * PackId.SizeInBytes) + (entries * NodeLayout.EntryLength);
        for (int position = end - (entries * NodeLayout.EntryLength) + ContentDigest.SizeInBytes; position < end; position += NodeLayout.EntryLength)
        {
            Mark(place, plain, position, marks);
        }

        for (int index = 0; index < patches; index++)
        {
            Mark(place, plain, end + (index * NodeLayout.PatchLength) + (2 * ContentDigest.SizeInBytes), marks);
        }

        return entries + patches;
    }

    private static void Mark(in FramePlace place, ReadOnlySpan<byte> plain, int position, PackMarks?[] marks)
    {
        int slot = BinaryPrimitives.ReadUInt16LittleEndian(plain[position..]);
        if ((uint)slot >= (uint)marks.Length)
        {
            throw Corrupt(place, $"an entry names pack {slot} of a table of {marks.Length}.");
        }

        marks[slot]?.Mark(BinaryPrimitives.ReadUInt32LittleEndian(plain[(position + 2)..]), BinaryPrimitives.ReadUInt32LittleEndian(plain[(position + 6)..]));
    }

    /// <summary>Reads the children of a node above the leaves.</summary>
    /// <exception cref="RepositoryCorruptException">The bytes are no node of that level.</exception>
    public static List<(ContentDigest Hash, FramePlace Place)> ReadChildren(in FramePlace place, ReadOnlySpan<byte> plain, int level)
    {
        int entries = Open(place, plain, level, out int tableCount, out int _);
        List<(ContentDigest Hash, FramePlace Place)> children = new(entries);
        ReadOnlySpan<byte> source = plain[(NodeLayout.TableOffset + (tableCount * PackId.SizeInBytes))..];
        for (int index = 0; index < entries; index++, source = source[NodeLayout.EntryLength..])
        {
            int slot = BinaryPrimitives.ReadUInt16LittleEndian(source[ContentDigest.SizeInBytes..]);
            if (slot >= tableCount)
            {
                throw Corrupt(place, $"an entry names pack {slot} of a table of {tableCount}.");
            }

            ReadOnlySpan<byte> rest = source[(ContentDigest.SizeInBytes + 2)..];
            FramePlace child = new(ReadPack(place, plain, slot), BinaryPrimitives.ReadUInt32LittleEndian(rest), BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]));
            children.Add((new ContentDigest(source[..ContentDigest.SizeInBytes]), child));
        }

        return children;
    }

    // Checks all that the marking relies on, and gives the number of stored entries.
    private static int Open(in FramePlace place, ReadOnlySpan<byte> plain, int level, out int tableCount, out int patches)
    {
        tableCount = 0;
        patches = 0;
        if (plain.Length < NodeLayout.TableOffset + NodeLayout.ChecksumLength || BinaryPrimitives.ReadUInt64LittleEndian(plain[^NodeLayout.ChecksumLength..]) != XxHash64.HashToUInt64(plain[..^NodeLayout.ChecksumLength]))
        {
            throw Corrupt(place, "the checksum of a node does not match.");
        }

        if (BinaryPrimitives.ReadUInt32LittleEndian(plain) != NodeLayout.Magic || plain[4] != 0 || plain[5] != level)
        {
            throw Corrupt(place, $"a node of level {level}, version 0, was expected.");
        }

        uint table = BinaryPrimitives.ReadUInt32LittleEndian(plain[8..]);
        int entries = 0;
        ReadOnlySpan<byte> kinds = plain.Slice(NodeLayout.KindsOffset, NodeLayout.KindsLength);
        for (int index = 0; index < TreeGeometry.FanOut; index++)
        {
            int kind = NodeLayout.KindAt(kinds, index);
            entries += kind is (int)EntryKind.Stored or NodeLayout.PatchedKind ? 1 : 0;
            patches += kind == NodeLayout.PatchedKind ? 1 : 0;
        }

        long needed = NodeLayout.TableOffset + ((long)table * PackId.SizeInBytes) + (entries * NodeLayout.EntryLength) + (patches * NodeLayout.PatchLength) + NodeLayout.ChecksumLength;
        if (needed > plain.Length)
        {
            throw Corrupt(place, $"a table of {table} packs and {entries} entries do not fit the node.");
        }

        tableCount = (int)table;
        return entries;
    }

    private static PackId ReadPack(in FramePlace place, ReadOnlySpan<byte> plain, int slot) =>
        PackId.TryRead(plain.Slice(NodeLayout.TableOffset + (slot * PackId.SizeInBytes), PackId.SizeInBytes), out PackId pack)
            ? pack
            : throw Corrupt(place, "the name of a pack holds impossible numbers.");

    private static RepositoryCorruptException Corrupt(in FramePlace place, string message) => new(place.Pack.ToString(), place.Offset, message);
}
