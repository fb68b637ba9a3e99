using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;
using static CloudImage.Sdk.Formats.Qcow2.Qcow2Constants;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>The directory of the persistent bitmaps of an image. Big-endian; entries of varying length, each a multiple of 8.</summary>
internal static class Qcow2BitmapDirectory
{
    private const int FixedLength = 24;

    public static async ValueTask<List<Qcow2Bitmap>> ReadAsync(VirtualDisk container, Qcow2Header header, DiskReadLimits limits, IoMode mode, CancellationToken cancellationToken)
    {
        if (!header.HasBitmaps)
        {
            return [];
        }

        long length = header.BitmapDirectoryLength;
        long offset = header.BitmapDirectoryOffset;
        if (header.BitmapCount > limits.MaxListEntries || length > Math.Min(MaxBitmapDirectoryLength, limits.MaxMetadataMemory)
            || length < (long)header.BitmapCount * FixedLength || (offset & (header.ClusterSize - 1)) != 0
            || offset > container.Length || length > container.Length - offset)
        {
            throw Qcow2Header.Error(offset, $"the bitmap directory, {header.BitmapCount} entries in {length} bytes, is not aligned, too long or outside the image of {container.Length} bytes.");
        }

        byte[] directory = new byte[length];
        await container.ReadAsync(directory, offset, mode, cancellationToken).ConfigureAwait(false);
        return Parse(directory, header);
    }

    private static List<Qcow2Bitmap> Parse(ReadOnlySpan<byte> directory, Qcow2Header header)
    {
        List<Qcow2Bitmap> bitmaps = new(header.BitmapCount);
        int position = 0;
        for (int index = 0; index < header.BitmapCount; index++)
        {
            long fileOffset = header.BitmapDirectoryOffset + position;
            ReadOnlySpan<byte> entry = directory[position..];
            if (entry.Length < FixedLength)
            {
                throw Qcow2Header.Error(fileOffset, $"the bitmap directory ends before entry {index} of {header.BitmapCount}.");
            }

            uint extra = BinaryPrimitives.ReadUInt32BigEndian(entry[20..]);
            int nameLength = BinaryPrimitives.ReadUInt16BigEndian(entry[18..]);
            uint tableEntries = BinaryPrimitives.ReadUInt32BigEndian(entry[8..]);
            ulong tableOffset = BinaryPrimitives.ReadUInt64BigEndian(entry);
            byte granularityBits = entry[17];
            if (extra > entry.Length - FixedLength || nameLength > entry.Length - FixedLength - extra || nameLength is 0 or > MaxBitmapNameLength
                || tableEntries > MaxBitmapTableEntries || granularityBits > 62 || tableOffset > long.MaxValue || (tableOffset & (ulong)(header.ClusterSize - 1)) != 0)
            {
                throw Qcow2Header.Error(fileOffset, $"entry {index} of the bitmap directory is not possible (name {nameLength} and extra data {extra} bytes, table of {tableEntries} entries at 0x{tableOffset:x}, granularity 2^{granularityBits}).");
            }

            bitmaps.Add(new Qcow2Bitmap
            {
                Name = Encoding.UTF8.GetString(entry.Slice(FixedLength + (int)extra, nameLength)),
                TableOffset = (long)tableOffset,
                TableEntries = (int)tableEntries,
                Flags = BinaryPrimitives.ReadUInt32BigEndian(entry[12..]),
                Type = entry[16],
                GranularityBits = granularityBits,
                HasExtraData = extra != 0,
            });
            position += (FixedLength + (int)extra + nameLength + 7) & ~7;
            position = Math.Min(position, directory.Length);
        }

        return bitmaps;
    }
}
