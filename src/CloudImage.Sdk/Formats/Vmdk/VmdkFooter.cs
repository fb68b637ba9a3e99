using System;
using System.Buffers.Binary;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>The end of a stream: footer marker, footer, end-of-stream marker, in the last three sectors.</summary>
internal static class VmdkFooter
{
    /// <summary>Length of marker, footer and end in bytes.</summary>
    public const int Length = 3 * VmdkConstants.SectorSize;

    /// <summary>Reads the header that knows where the grain directory is.</summary>
    /// <exception cref="DiskFormatException">There is no footer, or it contradicts the header.</exception>
    public static async ValueTask<VmdkHeader> ReadAsync(VirtualDisk container, VmdkHeader header, IoMode mode, CancellationToken cancellationToken)
    {
        long fileOffset = container.Length - Length;
        if (fileOffset < VmdkHeader.Size)
        {
            throw new DiskFormatException(VmdkConstants.FormatName, container.Length, "The header says that the grain directory is at the end, and the file ends before any footer.");
        }

        byte[] bytes = new byte[Length];
        await container.ReadAsync(bytes, fileOffset, mode, cancellationToken).ConfigureAwait(false);
        return Parse(bytes, header, fileOffset);
    }

    public static VmdkHeader Parse(ReadOnlySpan<byte> bytes, VmdkHeader header, long fileOffset)
    {
        ReadOnlySpan<byte> end = bytes[(2 * VmdkConstants.SectorSize)..];
        if (!IsMarker(bytes, VmdkMarkerType.Footer) || !IsMarker(end, VmdkMarkerType.EndOfStream) || BinaryPrimitives.ReadUInt64LittleEndian(end) != 0)
        {
            throw new DiskFormatException(VmdkConstants.FormatName, fileOffset, "The header says that the grain directory is at the end, and the file does not end with footer and end-of-stream marker: it is cut off, or something follows it.");
        }

        VmdkHeader footer = VmdkHeader.Parse(bytes[VmdkConstants.SectorSize..], fileOffset + VmdkConstants.SectorSize);
        if (footer.IsDirectoryAtEnd)
        {
            throw new DiskFormatException(VmdkConstants.FormatName, fileOffset + VmdkConstants.SectorSize + 56, "The footer says again that the grain directory is at the end.");
        }

        if (footer.Capacity != header.Capacity || footer.GrainSectors != header.GrainSectors || footer.TableEntries != header.TableEntries
            || footer.Compression != header.Compression || footer.Version != header.Version || footer.Flags != header.Flags
            || footer.DescriptorSector != header.DescriptorSector)
        {
            throw new DiskFormatException(VmdkConstants.FormatName, fileOffset + VmdkConstants.SectorSize, "The footer contradicts the header in capacity, grain, tables, compression, version, flags or descriptor.");
        }

        return footer;
    }

    public static bool IsMarker(ReadOnlySpan<byte> sector, VmdkMarkerType type) =>
        BinaryPrimitives.ReadUInt32LittleEndian(sector[8..]) == 0 && BinaryPrimitives.ReadUInt32LittleEndian(sector[12..]) == (uint)type;
}
