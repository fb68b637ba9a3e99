using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;
using static CloudImage.Sdk.Formats.Qcow2.Qcow2Constants;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>Checks an image: everything that refers to a cluster is counted, and held against the stored counts.</summary>
/// <remarks>
/// A count that is too low is a corruption (a later write may take the cluster), one that is too high a leak. Tables that
/// overlap, leave the image, or have reserved bits set are corruptions. One user at a time.
/// </remarks>
internal sealed partial class Qcow2Checker
{
    private readonly VirtualDisk _container;
    private readonly Qcow2Header _header;
    private readonly DiskReadLimits _limits;
    private readonly IoMode _mode;
    private readonly CancellationToken _cancellationToken;
    private readonly Qcow2ReferenceMap _references;
    private readonly ProblemList _problems;

    // How often each L2 table is named, and whether the current state names it.
    private readonly Dictionary<long, (uint Count, bool IsActive, bool IsCopied)> _tables = [];
    private Qcow2RefcountReader _refcounts = null!;
    private long _l1Length;
    private long _allocated;
    private long _compressed;
    private long _imageEnd;

    private Qcow2Checker(VirtualDisk container, Qcow2Header header, DiskReadLimits limits, IoMode mode, CancellationToken cancellationToken)
    {
        _container = container;
        _header = header;
        _limits = limits;
        _mode = mode;
        _cancellationToken = cancellationToken;
        _references = new Qcow2ReferenceMap(limits);
        _problems = new ProblemList(limits.MaxListEntries);
    }

    public static async ValueTask<DiskCheckResult> CheckAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        Qcow2Header header = await Qcow2Header.ReadAsync(container, options.Limits, mode, cancellationToken).ConfigureAwait(false);
        Qcow2Checker checker = new(container, header, options.Limits, mode, cancellationToken);
        return await checker.RunAsync().ConfigureAwait(false);
    }

    private async ValueTask<DiskCheckResult> RunAsync()
    {
        CheckFlags();
        _refcounts = await Qcow2RefcountReader.OpenAsync(_container, _header, _limits, _mode, _cancellationToken).ConfigureAwait(false);
        Refer(0, _header.ClusterSize, Qcow2ClusterUse.Exclusive, "the header");
        await CheckL1Async(_header.L1Offset, _header.L1Entries, true, "the L1 table").ConfigureAwait(false);
        await CheckSnapshotsAsync().ConfigureAwait(false);
        CheckRefcountTable();
        await CheckBitmapsAsync().ConfigureAwait(false);
        if (_header.EncryptionLength > 0)
        {
            Refer(_header.EncryptionOffset, _header.EncryptionLength, Qcow2ClusterUse.Exclusive, "the encryption header");
        }

        await CheckL2TablesAsync().ConfigureAwait(false);
        await CompareAsync().ConfigureAwait(false);
        return new DiskCheckResult
        {
            Problems = _problems.Problems,
            IsTruncated = _problems.IsTruncated,
            AllocatedUnits = _allocated,
            CompressedUnits = _compressed,
            TotalUnits = _header.VirtualSize == 0 ? 0 : ((_header.VirtualSize - 1) >> _header.ClusterBits) + 1,
            ImageEndOffset = _imageEnd,
        };
    }

    private void CheckFlags()
    {
        if ((_header.IncompatibleFeatures & IncompatibleCorrupt) != 0)
        {
            _problems.Add(DiskProblemKind.Warning, 72, "the image is marked as corrupt.");
        }

        if ((_header.IncompatibleFeatures & IncompatibleDirty) != 0)
        {
            _problems.Add(DiskProblemKind.Warning, 72, "the image is marked as dirty: it was not closed in order, and counts may lag.");
        }
    }

    private async ValueTask CheckSnapshotsAsync()
    {
        if (_header.SnapshotCount == 0)
        {
            return;
        }

        Qcow2SnapshotTable table;
        try
        {
            table = await Qcow2SnapshotTable.ReadAsync(_container, _header, _limits, _mode, _cancellationToken).ConfigureAwait(false);
        }
        catch (DiskFormatException exception)
        {
            _problems.Add(DiskProblemKind.Corruption, exception.Offset ?? _header.SnapshotTableOffset, exception.Message);
            return;
        }

        Refer(_header.SnapshotTableOffset, table.Length, Qcow2ClusterUse.Exclusive, "the snapshot table");
        foreach (Qcow2Snapshot snapshot in table.Snapshots)
        {
            await CheckL1Async(snapshot.L1Offset, snapshot.L1Entries, false, $"the L1 table of the snapshot '{snapshot.Name}'").ConfigureAwait(false);
        }
    }

    private async ValueTask CheckL1Async(long fileOffset, int entries, bool isActive, string what)
    {
        long length = entries * 8L;
        if (length == 0)
        {
            return;
        }

        if ((fileOffset & (_header.ClusterSize - 1)) != 0 || fileOffset > _container.Length - length)
        {
            _problems.Add(DiskProblemKind.Corruption, fileOffset, $"{what}, {length} bytes, is not aligned or lies beyond the end of the image at {_container.Length}.");
            return;
        }

        _l1Length += length;
        if (_l1Length > _limits.MaxMetadataMemory)
        {
            throw Qcow2Header.Error(fileOffset, $"the L1 tables of all snapshots exceed DiskReadLimits.MaxMetadataMemory, {_limits.MaxMetadataMemory}.");
        }

        Refer(fileOffset, length, Qcow2ClusterUse.Exclusive, what);
        ulong[] table = await Qcow2Tables.ReadAsync(_container, fileOffset, entries, what, _limits, _mode, _cancellationToken).ConfigureAwait(false);
        for (int index = 0; index < table.Length; index++)
        {
            ReferToTable(fileOffset + (index * 8L), index, table[index], isActive, what);
        }
    }

    private void ReferToTable(long place, int index, ulong entry, bool isActive, string what)
    {
        if ((entry & L1ReservedMask) != 0)
        {
            _problems.Add(DiskProblemKind.Corruption, place, $"entry {index} of {what}, 0x{entry:x16}, has reserved bits set.");
        }

        long host = (long)(entry & OffsetMask);
        if (host == 0)
        {
            return;
        }

        if ((host & (_header.ClusterSize - 1)) != 0)
        {
            _problems.Add(DiskProblemKind.Corruption, place, $"entry {index} of {what} points to 0x{host:x}, not aligned to clusters of {_header.ClusterSize} bytes.");
            return;
        }

        if (!Refer(host, _header.ClusterSize, Qcow2ClusterUse.L2Table, $"entry {index} of {what}", place))
        {
            return;
        }

        bool isCopied = (entry & CopiedFlag) != 0;
        (uint Count, bool IsActive, bool IsCopied) known = _tables.GetValueOrDefault(host);
        _tables[host] = (known.Count + 1, known.IsActive || isActive, isActive ? isCopied : known.IsCopied);
    }

    private void CheckRefcountTable()
    {
        Refer(_header.RefcountTableOffset, (long)_header.RefcountTableClusters << _header.ClusterBits, Qcow2ClusterUse.Exclusive, "the refcount table");
        for (int index = 0; index < _refcounts.Table.Length; index++)
        {
            ulong entry = _refcounts.Table[index];
            if (entry == 0)
            {
                continue;
            }

            long place = _header.RefcountTableOffset + (index * 8L);
            if ((entry & (ulong)(_header.ClusterSize - 1)) != 0 || entry > long.MaxValue)
            {
                _problems.Add(DiskProblemKind.Corruption, place, $"entry {index} of the refcount table, 0x{entry:x16}, is not aligned to clusters of {_header.ClusterSize} bytes.");
                continue;
            }

            if (entry >= (ulong)_container.Length)
            {
                _problems.Add(DiskProblemKind.Corruption, place, $"entry {index} of the refcount table points to 0x{entry:x}, beyond the end of the image at {_container.Length}.");
                continue;
            }

            Refer((long)entry, _header.ClusterSize, Qcow2ClusterUse.Exclusive, $"entry {index} of the refcount table", place);
        }
    }

    private async ValueTask CheckBitmapsAsync()
    {
        List<Qcow2Bitmap> bitmaps;
        try
        {
            bitmaps = await Qcow2BitmapDirectory.ReadAsync(_container, _header, _limits, _mode, _cancellationToken).ConfigureAwait(false);
        }
        catch (DiskFormatException exception)
        {
            _problems.Add(DiskProblemKind.Corruption, exception.Offset ?? _header.BitmapDirectoryOffset, exception.Message);
            return;
        }

        if (bitmaps.Count > 0)
        {
            Refer(_header.BitmapDirectoryOffset, _header.BitmapDirectoryLength, Qcow2ClusterUse.Exclusive, "the bitmap directory");
        }

        foreach (Qcow2Bitmap bitmap in bitmaps)
        {
            await CheckBitmapAsync(bitmap).ConfigureAwait(false);
        }
    }

    private async ValueTask CheckBitmapAsync(Qcow2Bitmap bitmap)
    {
        long length = bitmap.TableEntries * 8L;
        if (bitmap.TableOffset > _container.Length - length)
        {
            _problems.Add(DiskProblemKind.Corruption, bitmap.TableOffset, $"the table of the bitmap '{bitmap.Name}', {length} bytes, lies beyond the end of the image at {_container.Length}.");
            return;
        }

        if (length == 0)
        {
            return;
        }

        Refer(bitmap.TableOffset, length, Qcow2ClusterUse.Exclusive, $"the table of the bitmap '{bitmap.Name}'");
        ulong[] table = await Qcow2Tables.ReadAsync(_container, bitmap.TableOffset, bitmap.TableEntries, "The table of a bitmap", _limits, _mode, _cancellationToken).ConfigureAwait(false);
        for (int index = 0; index < table.Length; index++)
        {
            long place = bitmap.TableOffset + (index * 8L);
            long host = (long)(table[index] & OffsetMask);
            if (host == 0)
            {
                continue;
            }

            if ((host & (_header.ClusterSize - 1)) != 0)
            {
                _problems.Add(DiskProblemKind.Corruption, place, $"entry {index} of the bitmap '{bitmap.Name}' points to 0x{host:x}, not aligned to clusters of {_header.ClusterSize} bytes.");
                continue;
            }

            Refer(host, _header.ClusterSize, Qcow2ClusterUse.Exclusive, $"entry {index} of the bitmap '{bitmap.Name}'", place);
        }
    }

    /// <summary>Counts references to a range; false where the range leaves the image.</summary>
    private bool Refer(long fileOffset, long length, Qcow2ClusterUse use, string what, long place = -1, uint count = 1)
    {
        place = place < 0 ? fileOffset : place;

        // The last cluster need not be there as a whole.
        if (length <= 0 || fileOffset < 0 || fileOffset > long.MaxValue - length || fileOffset + length - _container.Length >= _header.ClusterSize)
        {
            _problems.Add(DiskProblemKind.Corruption, place, $"{what} points to {length} bytes at 0x{fileOffset:x}, beyond the end of the image at {_container.Length}.");
            return false;
        }

        long last = (fileOffset + length - 1) >> _header.ClusterBits;
        for (long cluster = fileOffset >> _header.ClusterBits; cluster <= last; cluster++)
        {
            Qcow2ClusterUse before = _references.Add(cluster, count, use);
            if (before != Qcow2ClusterUse.None && (before != use || use == Qcow2ClusterUse.Exclusive))
            {
                _problems.Add(DiskProblemKind.Corruption, place, $"{what} uses the cluster at 0x{cluster << _header.ClusterBits:x}, which is in use already as {before}.");
            }
        }

        return true;
    }
}
