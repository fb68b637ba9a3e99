using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Formats.Vhdx;

/// <summary>The 64 KiB that say where block table and metadata lie. Little endian.</summary>
internal static class VhdxRegionTable
{
    private const int EntryLength = 32;
    private const int FirstEntry = 16;

    /// <summary>Whether signature, checksum and count are right.</summary>
    public static bool IsValid(ReadOnlySpan<byte> table) =>
        BinaryPrimitives.ReadUInt32LittleEndian(table) == VhdxConstants.RegionSignature
        && BinaryPrimitives.ReadUInt32LittleEndian(table[8..]) <= VhdxConstants.MaxRegions
        && BinaryPrimitives.ReadUInt32LittleEndian(table[4..]) == VhdxConstants.Checksum(table);

    /// <summary>Reads the entries of a valid table, in whatever order they are.</summary>
    /// <exception cref="DiskFormatException">An entry is impossible, twice there, or one that must be known is not.</exception>
    public static List<VhdxRegion> Read(ReadOnlySpan<byte> table, long tableOffset)
    {
        int count = (int)BinaryPrimitives.ReadUInt32LittleEndian(table[8..]);
        List<VhdxRegion> regions = [];
        for (int index = 0; index < count; index++)
        {
            int position = FirstEntry + (index * EntryLength);
            ReadOnlySpan<byte> entry = table.Slice(position, EntryLength);
            Guid id = new(entry[..16]);
            ulong fileOffset = BinaryPrimitives.ReadUInt64LittleEndian(entry[16..]);
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(entry[24..]);
            bool isRequired = (BinaryPrimitives.ReadUInt32LittleEndian(entry[28..]) & 1) != 0;
            bool isKnown = id == VhdxConstants.BatRegion || id == VhdxConstants.MetadataRegion;
            if (!isKnown && isRequired)
            {
                throw new UnsupportedDiskFeatureException(VhdxConstants.FormatName, tableOffset + position, $"region {id}", $"the region {id} must be understood to open the image, and is not known.");
            }

            if (fileOffset % VhdxConstants.MiB != 0 || fileOffset < VhdxConstants.MiB || fileOffset > long.MaxValue / 2 || length % VhdxConstants.MiB != 0 || length == 0)
            {
                throw VhdxImage.Fault(tableOffset + position, $"the region {id} is said to lie at {fileOffset} with {length} bytes; both are multiples of 1 MiB, and the first MiB is taken.");
            }

            VhdxRegion region = new(id, (long)fileOffset, length, isRequired);
            foreach (VhdxRegion other in regions)
            {
                if (other.Id == id || (region.FileOffset < other.End && other.FileOffset < region.End))
                {
                    throw VhdxImage.Fault(tableOffset + position, $"the region {id} at {fileOffset} is there twice or overlaps the region {other.Id} at {other.FileOffset}.");
                }
            }

            regions.Add(region);
        }

        return regions;
    }

    /// <summary>The bytes of a table, with their checksum.</summary>
    public static byte[] ToArray(IReadOnlyList<VhdxRegion> regions)
    {
        byte[] bytes = new byte[VhdxConstants.RegionTableLength];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, VhdxConstants.RegionSignature);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), (uint)regions.Count);
        for (int index = 0; index < regions.Count; index++)
        {
            Span<byte> entry = bytes.AsSpan(FirstEntry + (index * EntryLength), EntryLength);
            regions[index].Id.TryWriteBytes(entry);
            BinaryPrimitives.WriteUInt64LittleEndian(entry[16..], (ulong)regions[index].FileOffset);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[24..], checked((uint)regions[index].Length));
            BinaryPrimitives.WriteUInt32LittleEndian(entry[28..], regions[index].IsRequired ? 1U : 0U);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), VhdxConstants.Checksum(bytes));
        return bytes;
    }
}
