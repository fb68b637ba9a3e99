using System;
using System.Collections.Generic;

using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats.Archives;

namespace CloudImage.Sdk.Formats.GceTar;

/// <summary>Makes the headers of the one member: an old GNU sparse header with its extensions, or a plain one.</summary>
internal static class GceTarHeaderWriter
{
    /// <summary>The blocks that hold a planned byte, as a map of data alone.</summary>
    public static BlockMap AlignToBlocks(BlockMap map)
    {
        List<DiskExtent> stored = [];
        long end = 0;
        foreach (DiskExtent extent in map)
        {
            if (extent.Kind == DiskExtentKind.Data)
            {
                long from = Math.Max(end, extent.Offset / GceTarConstants.BlockSize * GceTarConstants.BlockSize);
                end = Math.Max(end, checked((extent.End + GceTarConstants.BlockSize - 1) / GceTarConstants.BlockSize * GceTarConstants.BlockSize));
                stored.Add(new DiskExtent(from, Math.Max(0, end - from), DiskExtentKind.Data));
            }
        }

        return new BlockMap(stored);
    }

    /// <summary>All headers of the member.</summary>
    public static byte[] Make(BlockMap? stored, long length)
    {
        byte[] headers = new byte[HeaderLength(stored)];
        Span<byte> header = headers.AsSpan(0, TarConstants.BlockSize);
        TarHeaderWriter.Write(
            header, GceTarConstants.DiskName, stored is null ? TarConstants.TypeFile : TarConstants.TypeSparse,
            stored?.DataLength ?? length, GceTarConstants.MemberTime);
        if (stored is not null)
        {
            WriteSparseMap(headers, stored, length);
            TarHeaderWriter.WriteChecksum(header);
        }

        return headers;
    }

    /// <summary>Plain bytes of headers and data.</summary>
    public static long PlainLength(BlockMap? stored, long length) => HeaderLength(stored) + (stored?.DataLength ?? length);

    /// <summary>Length of the end mark: two blocks of zeros, and zeros up to a whole record.</summary>
    public static int EndLength(long plainLength)
    {
        long end = plainLength + (2 * TarConstants.BlockSize);
        return (int)(((end + GceTarConstants.RecordSize - 1) / GceTarConstants.RecordSize * GceTarConstants.RecordSize) - plainLength);
    }

    private static int HeaderLength(BlockMap? stored)
    {
        // A last entry of no length marks the end of the file, as GNU tar writes it.
        int entries = stored is null ? 0 : stored.Count + 1;
        int extensions = Math.Max(0, entries - TarConstants.SparseEntriesInHeader + TarConstants.SparseEntriesInExtension - 1) / TarConstants.SparseEntriesInExtension;
        return checked(TarConstants.BlockSize * (1 + extensions));
    }

    private static void WriteSparseMap(Span<byte> headers, BlockMap stored, long length)
    {
        TarNumber.Write(headers.Slice(TarConstants.SparseRealSizeOffset, TarConstants.LongNumberLength), length);
        Span<byte> place = headers.Slice(TarConstants.SparseEntriesOffset, TarConstants.SparseEntriesInHeader * TarConstants.SparseEntryLength);
        int block = 0;
        for (int index = 0; index <= stored.Count; index++)
        {
            if (place.IsEmpty)
            {
                headers[(block * TarConstants.BlockSize) + (block == 0 ? TarConstants.SparseIsExtendedOffset : TarConstants.ExtensionIsExtendedOffset)] = 1;
                block++;
                place = headers.Slice(block * TarConstants.BlockSize, TarConstants.SparseEntriesInExtension * TarConstants.SparseEntryLength);
            }

            (long offset, long count) = index < stored.Count ? (stored[index].Offset, stored[index].Length) : (length, 0);
            TarNumber.Write(place[..TarConstants.LongNumberLength], offset);
            TarNumber.Write(place.Slice(TarConstants.LongNumberLength, TarConstants.LongNumberLength), count);
            place = place[TarConstants.SparseEntryLength..];
        }
    }
}
