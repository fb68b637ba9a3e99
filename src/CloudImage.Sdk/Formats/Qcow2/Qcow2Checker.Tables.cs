using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using static CloudImage.Sdk.Formats.Qcow2.Qcow2Constants;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <content>The L2 tables, each read once however often it is named, and the comparison of the counts.</content>
internal sealed partial class Qcow2Checker
{
    private async ValueTask CheckL2TablesAsync()
    {
        ulong[] table = new ulong[_header.ClusterSize / 8];
        foreach ((long fileOffset, (uint count, bool isActive, bool isCopied)) in _tables)
        {
            await Qcow2Tables.ReadIntoAsync(_container, fileOffset, table, 0, table.Length, _mode, _cancellationToken).ConfigureAwait(false);
            if (isActive)
            {
                await CheckCopiedAsync(fileOffset, fileOffset, isCopied, "the L1 entry of the table").ConfigureAwait(false);
            }

            int words = _header.L2EntryLength / 8;
            for (int index = 0; index < table.Length; index += words)
            {
                if (table[index] != 0 || (words == 2 && table[index + 1] != 0))
                {
                    await CheckEntryAsync(fileOffset + (index * 8L), table[index], words == 2 ? table[index + 1] : 0, count, isActive).ConfigureAwait(false);
                }
            }
        }
    }

    private async ValueTask CheckEntryAsync(long place, ulong entry, ulong bitmap, uint count, bool isActive)
    {
        if ((entry & CompressedFlag) != 0)
        {
            CheckCompressed(place, entry, count, isActive);
            return;
        }

        ulong reserved = L2ReservedMask | (_header.HasExtendedL2 || _header.Version < 3 ? ZeroFlag : 0);
        if ((entry & reserved) != 0)
        {
            _problems.Add(DiskProblemKind.Corruption, place, $"the L2 entry 0x{entry:x16} has reserved bits set.");
        }

        if (((uint)bitmap & (uint)(bitmap >> 32)) != 0)
        {
            _problems.Add(DiskProblemKind.Corruption, place, $"the bitmap 0x{bitmap:x16} marks subclusters as allocated and as zero at once.");
        }

        long host = (long)(entry & OffsetMask);
        if (host == 0 && (!_header.HasDataFile || (entry & CopiedFlag) == 0))
        {
            if ((uint)bitmap != 0)
            {
                _problems.Add(DiskProblemKind.Corruption, place, $"the bitmap 0x{bitmap:x16} marks subclusters as allocated, and the entry has no cluster.");
            }

            return;
        }

        _allocated += isActive && (entry & ZeroFlag) == 0 ? 1 : 0;
        if ((host & (_header.ClusterSize - 1)) != 0)
        {
            _problems.Add(DiskProblemKind.Corruption, place, $"the L2 entry 0x{entry:x16} points to 0x{host:x}, not aligned to clusters of {_header.ClusterSize} bytes.");
            return;
        }

        // The clusters of an external data file are not counted.
        if (!_header.HasDataFile && Refer(host, _header.ClusterSize, Qcow2ClusterUse.Data, "an L2 entry", place, count) && isActive)
        {
            await CheckCopiedAsync(place, host, (entry & CopiedFlag) != 0, "an L2 entry").ConfigureAwait(false);
        }
    }

    private void CheckCompressed(long place, ulong entry, uint count, bool isActive)
    {
        if ((entry & CopiedFlag) != 0 || _header.HasDataFile)
        {
            _problems.Add(DiskProblemKind.Corruption, place, $"the L2 entry 0x{entry:x16} of a compressed cluster {(_header.HasDataFile ? "lies in an image with an external data file" : "has the flag of a cluster that is referred to once")}.");
        }

        (long fileOffset, int length) = Qcow2CompressedDescriptor.Decode(entry, _header.ClusterBits);
        Refer(fileOffset, length, Qcow2ClusterUse.Data, "an L2 entry of a compressed cluster", place, count);
        _allocated += isActive ? 1 : 0;
        _compressed += isActive ? 1 : 0;
    }

    private async ValueTask CheckCopiedAsync(long place, long host, bool isCopied, string what)
    {
        ulong stored = await _refcounts.CountOfAsync(host >> _header.ClusterBits, _mode, _cancellationToken).ConfigureAwait(false);
        if ((stored == 1) != isCopied)
        {
            _problems.Add(DiskProblemKind.Corruption, place, $"{what} {(isCopied ? "says" : "does not say")} that the cluster at 0x{host:x} is referred to once, and its stored count is {stored}.");
        }
    }

    private async ValueTask CompareAsync()
    {
        await FindLowCountsAsync().ConfigureAwait(false);
        await FindLeaksAsync().ConfigureAwait(false);
    }

    private async ValueTask FindLowCountsAsync()
    {
        List<long> pages = [.. _references.Pages];
        pages.Sort();
        foreach (long page in pages)
        {
            for (long cluster = page * Qcow2ReferenceMap.ClustersPerPage; cluster < (page + 1) * Qcow2ReferenceMap.ClustersPerPage; cluster++)
            {
                uint counted = _references.CountOf(cluster);
                if (counted == 0)
                {
                    continue;
                }

                ulong stored = await _refcounts.CountOfAsync(cluster, _mode, _cancellationToken).ConfigureAwait(false);
                if (stored < counted)
                {
                    _problems.Add(DiskProblemKind.Corruption, cluster << _header.ClusterBits, $"cluster {cluster} has a stored count of {stored} and {counted} references.");
                }
            }
        }
    }

    private async ValueTask FindLeaksAsync()
    {
        long clusters = (_container.Length + _header.ClusterSize - 1) >> _header.ClusterBits;
        HashSet<long> seen = [];
        for (long block = 0; block < _refcounts.Table.Length; block++)
        {
            // A block that is named twice is reported already; going through it again would say nothing.
            long first = block * _refcounts.CountsPerBlock;
            if (first >= clusters || _refcounts.BlockOffset(block) == 0 || !seen.Add(_refcounts.BlockOffset(block))
                || !await _refcounts.LoadAsync(block, _mode, _cancellationToken).ConfigureAwait(false))
            {
                continue;
            }

            long count = Math.Min(_refcounts.CountsPerBlock, clusters - first);
            for (long index = 0; index < count; index++)
            {
                ulong stored = _refcounts.CountInLoaded(index);
                if (stored == 0)
                {
                    continue;
                }

                _imageEnd = Math.Max(_imageEnd, (first + index + 1) << _header.ClusterBits);
                uint counted = _references.CountOf(first + index);
                if (stored > counted)
                {
                    _problems.Add(DiskProblemKind.Leak, (first + index) << _header.ClusterBits, $"cluster {first + index} has a stored count of {stored} and {counted} references.");
                }
            }
        }
    }
}
