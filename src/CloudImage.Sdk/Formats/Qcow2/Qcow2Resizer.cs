using System;
using System.Buffers.Binary;
using System.Threading;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;
using static CloudImage.Sdk.Formats.Qcow2.Qcow2Constants;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>Changes the length of an image's disk in place.</summary>
/// <remarks>
/// The header, which lies in one sector, decides the length. Growing: counts of new clusters and new tables are durable
/// before it, old tables are given up after it. Shrinking: the header first, then the entries behind the end, then their
/// counts. A crash leaves the old or the new disk, and at most clusters that count one reference too many.
/// </remarks>
internal sealed partial class Qcow2Resizer
{
    private const int SectorLength = 512;
    private readonly ImageEditor _image;
    private readonly EditorDisk _container;
    private readonly Qcow2Header _header;
    private readonly DiskResizeOptions _options;
    private readonly long _length;
    private readonly ulong[] _l1;
    private readonly Qcow2RefcountEditor _refcounts;

    private Qcow2Resizer(ImageEditor image, EditorDisk container, Qcow2Header header, long length, DiskResizeOptions options)
    {
        _image = image;
        _container = container;
        _header = header;
        _length = length;
        _options = options;
        _l1 = Load(header.L1Offset, header.L1Entries, "The L1 table");
        ulong[] table = Load(header.RefcountTableOffset, ((long)header.RefcountTableClusters << header.ClusterBits) / 8, "The refcount table");
        _refcounts = new Qcow2RefcountEditor(image, header, table, options.Limits);
    }

    public static void Resize(ImageEditor image, long length, DiskResizeOptions options)
    {
        using EditorDisk container = new(image);
        Qcow2Header header = SyncBridge.Completed(Qcow2Header.ReadAsync(container, options.Limits, IoMode.Synchronous, CancellationToken.None));
        RequireResizable(header, length);
        if (length == header.VirtualSize)
        {
            return;
        }

        Qcow2Resizer resizer = new(image, container, header, length, options);
        if (length > header.VirtualSize)
        {
            resizer.Grow();
        }
        else
        {
            resizer.Shrink();
        }
    }

    private static void RequireResizable(Qcow2Header header, long length)
    {
        Require(length % SectorLength == 0, $"A qcow2 disk has whole sectors of {SectorLength} bytes; {length} is no multiple.");
        Require(!header.IsDirty, "The image is marked as dirty or corrupt. Check and repair it first.");
        Require(!header.HasDataFile, "The content lies in an external data file, which has the length of the disk too. Convert the image to a new one.");
        Require(!header.HasBitmaps, "The image has bitmaps, which have the length of the disk. Remove them first.");
        Require(header.SnapshotCount == 0 || (header.Version >= 3 && length > header.VirtualSize), "The image has snapshots, which share its tables: version 2 cannot be resized then, and version 3 only grow. Remove them first.");
    }

    private void Grow()
    {
        long entries = ((_length - 1) / _header.L2Coverage) + 1;
        Require(entries * 8 <= MaxL1Length, $"A disk of {_length} bytes is too long for clusters of {_header.ClusterSize} bytes.");
        ClearTail(_header.VirtualSize);
        ulong[] l1 = new ulong[Math.Max(entries, _l1.Length)];
        _l1.CopyTo(l1, 0);
        long firstCovered = (_header.VirtualSize + _header.ClusterSize - 1) >> _header.ClusterBits;
        long zeroTables = CountZeroTables(l1, firstCovered);
        bool movesL1 = Clusters(l1.Length * 8L) != Clusters(_l1.Length * 8L) || _l1.Length == 0;
        long first = Math.Max(Clusters(_image.Length), _refcounts.CountedEnd());
        long next = first + (movesL1 ? Clusters(l1.Length * 8L) : 0) + zeroTables;
        (long tableOffset, long tableClusters) = ReserveCounts(first, ref next);
        long l1Offset = movesL1 ? first << _header.ClusterBits : _header.L1Offset;
        WriteZeroTables(l1, firstCovered, first + (movesL1 ? Clusters(l1.Length * 8L) : 0));
        _refcounts.Write();
        bool movesTable = tableOffset != _header.RefcountTableOffset;
        if (movesTable)
        {
            _image.Write(_refcounts.TableBytes(tableClusters), tableOffset);
        }

        _image.Flush();
        if (!movesTable)
        {
            // Blocks are durable before the table names them.
            _image.Write(_refcounts.TableBytes(tableClusters), tableOffset);
            _image.Flush();
        }

        WriteWords(l1, l1Offset, movesL1 ? Clusters(l1.Length * 8L) << _header.ClusterBits : l1.Length * 8L);
        _image.Flush();
        WriteHeader(l1Offset, l1.Length, tableOffset, tableClusters);
        ReleaseOld(movesL1 && _l1.Length > 0, movesTable);
    }

    /// <summary>Counts the new clusters, adding blocks and, when it is full, moving the table; answers where the table is then.</summary>
    private (long Offset, long Clusters) ReserveCounts(long first, ref long next)
    {
        long tableOffset = _header.RefcountTableOffset;
        long tableClusters = _header.RefcountTableClusters;
        for (long block = first / _refcounts.CountsPerBlock; block <= (next - 1) / _refcounts.CountsPerBlock; block++)
        {
            if (!_refcounts.HasBlock(block))
            {
                _refcounts.AddBlock(block, next << _header.ClusterBits);
                next++;
            }

            if (_refcounts.Table.Count * 8L > tableClusters << _header.ClusterBits)
            {
                // One cluster more than is needed now: the table itself may need another block.
                tableClusters = Clusters(_refcounts.Table.Count * 8L) + 1;
                tableOffset = next << _header.ClusterBits;
                next += tableClusters;
                Require(tableClusters << _header.ClusterBits <= MaxRefcountTableLength, "The refcount table would be longer than the format's limit.");
            }
        }

        for (long cluster = first; cluster < next; cluster++)
        {
            _refcounts.Set(cluster, 1);
        }

        return (tableOffset, tableClusters);
    }

    private void ReleaseOld(bool releasesL1, bool releasesTable)
    {
        if (releasesL1)
        {
            _refcounts.Release(_header.L1Offset, _l1.Length * 8L);
        }

        if (releasesTable)
        {
            _refcounts.Release(_header.RefcountTableOffset, (long)_header.RefcountTableClusters << _header.ClusterBits);
        }

        _refcounts.Write();
        _image.Flush();
    }

    private void WriteHeader(long l1Offset, int l1Entries, long tableOffset, long tableClusters)
    {
        byte[] sector = new byte[SectorLength];
        int count = _image.Read(sector, 0);
        BinaryPrimitives.WriteInt64BigEndian(sector.AsSpan(24), _length);
        BinaryPrimitives.WriteInt32BigEndian(sector.AsSpan(36), l1Entries);
        BinaryPrimitives.WriteInt64BigEndian(sector.AsSpan(40), l1Offset);
        BinaryPrimitives.WriteInt64BigEndian(sector.AsSpan(48), tableOffset);
        BinaryPrimitives.WriteInt32BigEndian(sector.AsSpan(56), (int)tableClusters);
        if (_header.Version >= 3)
        {
            // Features that vanish when a program that does not know them writes: none is known here that a new length leaves valid.
            BinaryPrimitives.WriteUInt64BigEndian(sector.AsSpan(88), 0);
        }

        _image.Write(sector.AsSpan(0, count), 0);
        _image.Flush();
    }

    private void WriteWords(ulong[] words, long fileOffset, long length)
    {
        byte[] bytes = new byte[length];
        for (int index = 0; index < words.Length; index++)
        {
            BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(index * 8), words[index]);
        }

        _image.Write(bytes, fileOffset);
    }

    private ulong[] Load(long fileOffset, long entries, string what) =>
        SyncBridge.Completed(Qcow2Tables.ReadAsync(_container, fileOffset, entries, what, _options.Limits, IoMode.Synchronous, CancellationToken.None));

    private long Clusters(long length) => (length + _header.ClusterSize - 1) >> _header.ClusterBits;

    private static void Require(bool isTrue, string message)
    {
        if (!isTrue)
        {
            throw new InvalidOperationException(message);
        }
    }
}
