using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;

namespace CloudImage.Sdk.Snapshots.Trees;

/// <summary>The stored form of a node: header, two bits an entry, a table of packs, the stored entries, the reach lists, a checksum.</summary>
internal static class NodeCodec
{
    public const int MaxLength = 1 << 24;

    /// <summary>Refuses a place whose length no frame of a node can have, before anything is allocated for it.</summary>
    /// <exception cref="RepositoryCorruptException">It is too long.</exception>
    public static void ThrowIfTooLong(in FramePlace place)
    {
        if (place.Length > MaxLength)
        {
            throw new RepositoryCorruptException(place.Pack.ToString(), place.Offset, $"a node has no length of {place.Length} bytes.");
        }
    }

    public static byte[] Encode(TreeNode node)
    {
        List<PackId> table = [.. node.DirectPacks()];
        Dictionary<PackId, int> slots = [];
        foreach (PackId pack in table)
        {
            slots.Add(pack, slots.Count);
        }

        AddReach(node, table, slots);
        RecordWriter writer = new();
        writer.UInt32(NodeLayout.Magic).Byte(0).Byte(node.Level).UInt16(0).UInt32(table.Count);
        WriteKinds(writer, node);
        foreach (PackId pack in table)
        {
            writer.Pack(pack);
        }

        for (int index = 0; index < TreeGeometry.FanOut; index++)
        {
            if (node.Kind(index) == EntryKind.Stored)
            {
                FramePlace place = node.Place(index);
                writer.Digest(node.Digest(index)).UInt16(slots[place.Pack]).UInt32(place.Offset).UInt32(place.Length);
            }
        }

        WritePatches(writer, node, slots);
        WriteReach(writer, node, slots);
        Span<byte> checksum = stackalloc byte[NodeLayout.ChecksumLength];
        BinaryPrimitives.WriteUInt64LittleEndian(checksum, XxHash64.HashToUInt64(writer.Written.Span));
        return writer.Bytes(checksum).Written.ToArray();
    }

    /// <summary>Reads a node; the caller compares its hash.</summary>
    /// <param name="place">Where the node lies, for messages.</param>
    /// <param name="source">The stored form.</param>
    /// <param name="level">The level that the node must have.</param>
    /// <exception cref="RepositoryCorruptException">The bytes are no node of that level.</exception>
    public static TreeNode Decode(in FramePlace place, ReadOnlySpan<byte> source, int level)
    {
        string name = place.Pack.ToString();
        if (source.Length < NodeLayout.KindsOffset + NodeLayout.ChecksumLength || BinaryPrimitives.ReadUInt64LittleEndian(source[^NodeLayout.ChecksumLength..]) != XxHash64.HashToUInt64(source[..^NodeLayout.ChecksumLength]))
        {
            throw new RepositoryCorruptException(name, place.Offset, "the checksum of a node does not match.");
        }

        RecordReader reader = new(name, source[..^NodeLayout.ChecksumLength]);
        if (reader.UInt32() != NodeLayout.Magic || reader.Byte() != 0 || reader.Byte() != level || reader.UInt16() != 0)
        {
            throw new RepositoryCorruptException(name, place.Offset, $"a node of level {level}, version 0, was expected.");
        }

        uint tableCount = reader.UInt32();
        ReadOnlySpan<byte> kinds = reader.Bytes(NodeLayout.KindsLength);
        if (tableCount * (long)PackId.SizeInBytes > reader.Remaining)
        {
            throw reader.Corrupt($"a table of {tableCount} packs does not fit the node.");
        }

        PackId[] table = new PackId[tableCount];
        foreach (ref PackId pack in table.AsSpan())
        {
            pack = reader.Pack();
        }

        TreeNode node = new(level);
        node.UseTable(table);
        ReadEntries(ref reader, node, kinds, table);
        ReadPatches(ref reader, node, kinds, table);
        ReadReach(ref reader, node, table);
        reader.End();
        return node;
    }

    // Behind the entries, so that who only follows places finds those of patches where those of chunks are.
    private static void WritePatches(RecordWriter writer, TreeNode node, Dictionary<PackId, int> slots)
    {
        for (int index = 0; index < TreeGeometry.FanOut; index++)
        {
            if (node.Place(index).Patch is { } patch)
            {
                writer.Digest(patch.PatchDigest).Digest(patch.BaseDigest).UInt16(slots[patch.Base.Pack]).UInt32(patch.Base.Offset).UInt32(patch.Base.Length);
            }
        }
    }

    private static void ReadPatches(ref RecordReader reader, TreeNode node, ReadOnlySpan<byte> kinds, PackId[] table)
    {
        for (int index = 0; index < TreeGeometry.FanOut; index++)
        {
            if (NodeLayout.KindAt(kinds, index) != NodeLayout.PatchedKind)
            {
                continue;
            }

            ContentDigest patch = reader.Digest();
            ContentDigest basis = reader.Digest();
            PackId pack = PackAt(ref reader, table, (uint)reader.UInt16());
            FramePlace place = new(pack, reader.UInt32(), reader.UInt32());
            if (node.Level != 0 || pack.Kind != PackKind.Data || place.Length == 0)
            {
                throw reader.Corrupt($"entry {index} is a patch in an inner node, or lies over an impossible place.");
            }

            node.SetStored(index, node.Digest(index), node.Place(index) with { Patch = new PatchBase(place, basis, patch) });
        }
    }

    private static void ReadEntries(ref RecordReader reader, TreeNode node, ReadOnlySpan<byte> kinds, PackId[] table)
    {
        PackKind expected = node.Level == 0 ? PackKind.Data : PackKind.Tree;
        for (int index = 0; index < TreeGeometry.FanOut; index++)
        {
            switch ((EntryKind)NodeLayout.KindAt(kinds, index))
            {
                case EntryKind.Zero:
                    node.SetZero(index);
                    break;
                case EntryKind.Absent:
                    node.SetAbsent(index);
                    break;
                case EntryKind.Stored or (EntryKind)NodeLayout.PatchedKind:
                    ReadOnlySpan<byte> entry = reader.Bytes(NodeLayout.EntryLength);
                    ContentDigest digest = MemoryMarshal.Read<ContentDigest>(entry);
                    uint slot = BinaryPrimitives.ReadUInt16LittleEndian(entry[ContentDigest.SizeInBytes..]);
                    uint offset = BinaryPrimitives.ReadUInt32LittleEndian(entry[(ContentDigest.SizeInBytes + sizeof(ushort))..]);
                    uint length = BinaryPrimitives.ReadUInt32LittleEndian(entry[(ContentDigest.SizeInBytes + sizeof(ushort) + sizeof(uint))..]);
                    if (slot >= (uint)table.Length || length == 0 || table[slot].Kind != expected || TreeNode.KindOf(digest) != EntryKind.Stored)
                    {
                        throw reader.Corrupt($"entry {index} holds a reserved digest or an impossible place, or names slot {slot} of a table of {table.Length} packs.");
                    }

                    node.SetStored(index, digest, new TreeNode.CompactPlace(offset, length, (int)slot));
                    break;
            }
        }
    }

    private static void ReadReach(ref RecordReader reader, TreeNode node, PackId[] table)
    {
        ReadOnlySpan<byte> last = default;
        PackId[] packs = [];
        for (int index = 0; node.Level == 1 && index < TreeGeometry.FanOut; index++)
        {
            if (node.Kind(index) != EntryKind.Stored)
            {
                continue;
            }

            int chunks = reader.UInt16();
            int count = reader.UInt16();
            if (chunks > TreeGeometry.FanOut)
            {
                throw reader.Corrupt($"a stored leaf has {chunks} chunks.");
            }

            // Neighbours refer to the same packs mostly: they share one list.
            ReadOnlySpan<byte> slots = reader.Bytes(count * sizeof(uint));
            if (!slots.SequenceEqual(last))
            {
                packs = new PackId[count];
                for (int at = 0; at < count; at++)
                {
                    packs[at] = PackAt(ref reader, table, BinaryPrimitives.ReadUInt32LittleEndian(slots[(at * sizeof(uint))..]));
                }

                last = slots;
            }

            node.SetReach(index, packs, chunks);
        }
    }

    private static PackId PackAt(ref RecordReader reader, PackId[] table, uint slot) =>
        slot < (uint)table.Length ? table[slot] : throw reader.Corrupt($"slot {slot} lies outside the table of {table.Length} packs.");

    private static void AddReach(TreeNode node, List<PackId> table, Dictionary<PackId, int> slots)
    {
        for (int index = 0; index < TreeGeometry.FanOut; index++)
        {
            foreach (PackId pack in node.Reach(index))
            {
                if (slots.TryAdd(pack, slots.Count))
                {
                    table.Add(pack);
                }
            }
        }
    }

    private static void WriteReach(RecordWriter writer, TreeNode node, Dictionary<PackId, int> slots)
    {
        for (int index = 0; node.Level == 1 && index < TreeGeometry.FanOut; index++)
        {
            if (node.Kind(index) != EntryKind.Stored)
            {
                continue;
            }

            PackId[] reach = node.Reach(index);
            writer.UInt16(node.ChunksOf(index)).UInt16(reach.Length);
            foreach (PackId pack in reach)
            {
                writer.UInt32(slots[pack]);
            }
        }
    }

    private static void WriteKinds(RecordWriter writer, TreeNode node)
    {
        Span<byte> kinds = stackalloc byte[NodeLayout.KindsLength];
        for (int index = 0; index < TreeGeometry.FanOut; index++)
        {
            int kind = node.Place(index).Patch is null ? (int)node.Kind(index) : NodeLayout.PatchedKind;
            kinds[index >> 2] |= (byte)(kind << (2 * (index & 3)));
        }

        writer.Bytes(kinds);
    }
}
