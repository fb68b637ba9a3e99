using System;
using System.Buffers;
using System.Collections.Generic;
using System.Threading;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;
using static CloudImage.Sdk.Formats.Qcow2.Qcow2Constants;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <content>What lies behind the end: it is zeros when a disk grows, and given up when it shrinks.</content>
internal sealed partial class Qcow2Resizer
{
    private const long MaxZeroTablesLength = 64L << 20;
    private const int ReadLength = 1 << 20;

    private bool HasParent => _header.BackingFileOffset != 0;

    /// <summary>Opens the image with another length, its own layer alone.</summary>
    private Qcow2Disk OpenAs(long length)
    {
        DiskInfo info = new() { FormatName = FormatName, VirtualSize = length };
        return new Qcow2Disk(_container, _header, _l1, info, _container, null, new DiskOpenOptions { IgnoreMissingParent = true, LeaveOpen = true, Limits = _options.Limits });
    }

    /// <summary>Makes the rest of the cluster that holds the end of the disk zeros, so that a later growth shows nothing old.</summary>
    private void ClearTail(long end)
    {
        long clusterEnd = Clusters(end) << _header.ClusterBits;
        if (clusterEnd == end)
        {
            return;
        }

        using Qcow2Disk disk = OpenAs(clusterEnd);
        foreach (DiskPlacement placement in disk.GetPlacements(end, clusterEnd - end))
        {
            Require(placement.Kind != DiskExtentKind.Unmapped || !HasParent || end != _header.VirtualSize, $"The last cluster, of which the disk holds the first {end & (_header.ClusterSize - 1)} bytes, is the parent's: growing would show what the parent has behind them. Flatten the image into a new one.");
            if (placement.Kind != DiskExtentKind.Data)
            {
                continue;
            }

            Require(_header.CryptMethod == CryptNone, "The image is encrypted, and the disk ends inside a cluster that is in use. Convert it to a new one.");
            byte[] tail = new byte[placement.Length];
            disk.Read(tail, placement.Offset);
            if (!tail.AsSpan().ContainsAnyExcept((byte)0))
            {
                continue;
            }

            long cluster = placement.ContainerOffset >> _header.ClusterBits;
            Require(placement.ContainerOffset >= 0 && _refcounts.CountOf(cluster) == 1, $"The cluster that holds the end of the disk at {end} is compressed or shared with a snapshot, and has content behind the end. Choose a length that is a multiple of {_header.ClusterSize}.");
            _image.Write(new byte[placement.Length], placement.ContainerOffset);
            _image.Flush();
        }
    }

    /// <summary>Over a parent, which may be longer, the new range must be zeros of its own: how many new tables that takes.</summary>
    private long CountZeroTables(ulong[] l1, long firstCluster)
    {
        if (!HasParent)
        {
            return 0;
        }

        Require(_header.Version >= 3, "A version 2 image with a backing file cannot grow: it has no zeros that hide the backing file.");
        long count = 0;
        long last = (_length - 1) >> _header.ClusterBits;
        for (long index = firstCluster >> _header.L2Bits; index <= last >> _header.L2Bits; index++)
        {
            count += (l1[index] & OffsetMask) == 0 ? 1 : 0;
            Require((l1[index] & OffsetMask) == 0 || (l1[index] & CopiedFlag) != 0, "The last table is shared with a snapshot. Remove the snapshots first.");
        }

        Require(count << _header.ClusterBits <= MaxZeroTablesLength, $"Growing an image with a backing file marks every new cluster as zero; {count} tables are more than is sensible. Flatten the image into a new one.");
        return count;
    }

    private void WriteZeroTables(ulong[] l1, long firstCluster, long firstTable)
    {
        if (!HasParent)
        {
            return;
        }

        long last = (_length - 1) >> _header.ClusterBits;
        int words = _header.L2EntryLength / 8;
        for (long index = firstCluster >> _header.L2Bits; index <= last >> _header.L2Bits; index++)
        {
            long fileOffset = (long)(l1[index] & OffsetMask);
            ulong[] table = new ulong[words << _header.L2Bits];
            if (fileOffset != 0)
            {
                table = Load(fileOffset, table.Length, "An L2 table");
            }
            else
            {
                fileOffset = firstTable++ << _header.ClusterBits;
                l1[index] = (ulong)fileOffset | CopiedFlag;
            }

            long tableFirst = index << _header.L2Bits;
            long end = Math.Min(last + 1, tableFirst + (1L << _header.L2Bits));
            for (long cluster = Math.Max(firstCluster, tableFirst); cluster < end; cluster++)
            {
                int word = (int)(cluster - tableFirst) * words;
                table[word] = words == 2 ? 0 : ZeroFlag;
                table[word + words - 1] = words == 2 ? 0xFFFFFFFF00000000 : ZeroFlag;
            }

            WriteWords(table, fileOffset, table.Length * 8L);
        }
    }

    private void Shrink()
    {
        RefuseToLoseData();
        if (_options.AllowDataLoss)
        {
            RequireClearableTail();
        }

        WriteHeader(_header.L1Offset, _l1.Length, _header.RefcountTableOffset, _header.RefcountTableClusters);
        ClearTail(_length);
        List<(long FileOffset, long Length)> released = ClearEntries();
        _image.Flush();
        foreach ((long fileOffset, long length) in released)
        {
            _refcounts.Release(fileOffset, length);
        }

        _refcounts.Write();
        _image.Flush();
        long end = _refcounts.CountedEnd() << _header.ClusterBits;
        if (end > 0 && end < _image.Length)
        {
            _image.SetLength(end);
            _image.Flush();
        }
    }

    private void RefuseToLoseData()
    {
        if (_options.AllowDataLoss)
        {
            return;
        }

        using Qcow2Disk disk = OpenAs(_header.VirtualSize);
        byte[] rented = ArrayPool<byte>.Shared.Rent(ReadLength);
        try
        {
            foreach (DiskExtent extent in disk.GetExtents(_length, _header.VirtualSize - _length))
            {
                Require(extent.Kind != DiskExtentKind.Data || _header.CryptMethod == CryptNone, $"The image is encrypted and has content behind {_length}. Set AllowDataLoss to give it up.");
                for (long offset = extent.Offset; extent.Kind == DiskExtentKind.Data && offset < extent.End; offset += ReadLength)
                {
                    Span<byte> piece = rented.AsSpan(0, (int)Math.Min(ReadLength, extent.End - offset));
                    disk.Read(piece, offset);
                    Require(!piece.ContainsAnyExcept((byte)0), $"Data lies behind the new end of {_length} bytes, within {piece.Length} bytes of offset {offset}. Set AllowDataLoss to give it up.");
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    // What cannot be cleared must be known before the first write.
    private void RequireClearableTail()
    {
        long clusterEnd = Math.Min(_header.VirtualSize, Clusters(_length) << _header.ClusterBits);
        if (clusterEnd == _length)
        {
            return;
        }

        using Qcow2Disk disk = OpenAs(_header.VirtualSize);
        foreach (DiskPlacement placement in disk.GetPlacements(_length, clusterEnd - _length))
        {
            Require(placement.Kind != DiskExtentKind.Data || (placement.ContainerOffset >= 0 && _header.CryptMethod == CryptNone), $"The cluster that holds the new end at {_length} is compressed or encrypted. Choose a length that is a multiple of {_header.ClusterSize}.");
        }
    }

    /// <summary>Empties the entries of all whole clusters behind the end; answers what they referred to.</summary>
    private List<(long FileOffset, long Length)> ClearEntries()
    {
        List<(long FileOffset, long Length)> released = [];
        long firstCluster = Clusters(_length);
        ulong[] l1 = [.. _l1];
        int words = _header.L2EntryLength / 8;
        for (int index = (int)(firstCluster >> _header.L2Bits); index < l1.Length; index++)
        {
            long fileOffset = (long)(l1[index] & OffsetMask);
            if (fileOffset == 0)
            {
                continue;
            }

            ulong[] table = Load(fileOffset, words << _header.L2Bits, "An L2 table");
            int from = (int)Math.Max(0, firstCluster - ((long)index << _header.L2Bits)) * words;
            Collect(table.AsSpan(from), words, released);
            if (from == 0)
            {
                l1[index] = 0;
                released.Add((fileOffset, _header.ClusterSize));
                continue;
            }

            table.AsSpan(from).Clear();
            WriteWords(table, fileOffset, table.Length * 8L);
        }

        WriteWords(l1, _header.L1Offset, l1.Length * 8L);
        return released;
    }

    private void Collect(ReadOnlySpan<ulong> entries, int words, List<(long FileOffset, long Length)> released)
    {
        for (int index = 0; index < entries.Length; index += words)
        {
            ulong entry = entries[index];
            if ((entry & CompressedFlag) != 0)
            {
                released.Add(Qcow2CompressedDescriptor.Decode(entry, _header.ClusterBits));
            }
            else if ((entry & OffsetMask) != 0)
            {
                released.Add(((long)(entry & OffsetMask), _header.ClusterSize));
            }
        }
    }
}
