using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using static CloudImage.Sdk.Formats.Qcow2.Qcow2Constants;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>The layout of an image whose map is known beforehand: header, refcounts, L1, L2, then the data in the order of the disk.</summary>
internal sealed class Qcow2Plan
{
    private readonly Qcow2Options _options;
    private readonly Qcow2Geometry _geometry;

    // Runs of clusters of the disk that have a place (HostCluster) or are zeros (-1); sorted, apart.
    private readonly List<(long First, long Count, long HostCluster)> _runs = [];
    private readonly long _tableClusters;
    private readonly long _blocks;
    private readonly List<int> _tables = [];
    private readonly long _l1Cluster;

    public Qcow2Plan(BlockMap map, Qcow2Options options, Qcow2Geometry geometry)
    {
        _options = options;
        _geometry = geometry;
        CollectRuns(map);
        CollectTables();
        long dataClusters = 0;
        foreach ((long _, long count, long host) in _runs)
        {
            dataClusters += host >= 0 ? count : 0;
        }

        long others = checked(1 + geometry.L1Clusters + _tables.Count + dataClusters);
        (_blocks, _tableClusters) = geometry.RefcountClusters(others);
        if (_tableClusters << geometry.ClusterBits > MaxRefcountTableLength)
        {
            throw new ArgumentException($"The image would have {others} clusters, more than a refcount table of {MaxRefcountTableLength} bytes covers. Use larger clusters.", nameof(map));
        }

        _l1Cluster = 1 + _tableClusters + _blocks;
        long firstData = _l1Cluster + geometry.L1Clusters + _tables.Count;
        DataOffset = firstData << geometry.ClusterBits;
        Clusters = firstData + dataClusters;
        PlaceRuns(firstData);
    }

    /// <summary>Where the data begins in the container.</summary>
    public long DataOffset { get; }

    /// <summary>Clusters of the container.</summary>
    public long Clusters { get; }

    /// <summary>Where a position of the disk lies in the container, or -1, and for how many bytes this holds.</summary>
    public (long FileOffset, long Length) PlaceOf(long offset)
    {
        int index = RunBehind(offset >> _geometry.ClusterBits);
        if (index == _runs.Count)
        {
            return (-1, long.MaxValue);
        }

        (long first, long count, long host) = _runs[index];
        long start = first << _geometry.ClusterBits;
        if (start > offset)
        {
            return (-1, start - offset);
        }

        long within = offset - start;
        return (host < 0 ? -1 : (host << _geometry.ClusterBits) + within, (count << _geometry.ClusterBits) - within);
    }

    /// <summary>Whether no part of a range is left to the parent.</summary>
    public bool HidesParent(long offset, long length)
    {
        long end = offset + length;
        while (offset < end)
        {
            int index = RunBehind(offset >> _geometry.ClusterBits);
            if (index == _runs.Count || _runs[index].First > offset >> _geometry.ClusterBits)
            {
                return false;
            }

            offset = (_runs[index].First + _runs[index].Count) << _geometry.ClusterBits;
        }

        return true;
    }

    /// <summary>Writes everything that lies before the data.</summary>
    public async ValueTask WriteTablesAsync(SinkBatch batch)
    {
        int size = _geometry.ClusterSize;
        Memory<byte> header = await batch.NextAsync(0, size).ConfigureAwait(false);
        long l1Offset = _geometry.L1Clusters == 0 ? 0 : _l1Cluster << _geometry.ClusterBits;
        Qcow2HeaderWriter.Build(_options, _geometry, l1Offset, size, _tableClusters).CopyTo(header);
        await WriteRefcountsAsync(batch).ConfigureAwait(false);
        await WriteL1Async(batch).ConfigureAwait(false);
        for (int table = 0; table < _tables.Count; table++)
        {
            Memory<byte> piece = await batch.NextAsync(L2Offset(table), size).ConfigureAwait(false);
            FillL2(piece.Span, _tables[table]);
        }
    }

    private async ValueTask WriteRefcountsAsync(SinkBatch batch)
    {
        int size = _geometry.ClusterSize;
        long firstBlock = 1 + _tableClusters;
        for (long cluster = 0; cluster < _tableClusters; cluster++)
        {
            Memory<byte> piece = await batch.NextAsync((1 + cluster) << _geometry.ClusterBits, size).ConfigureAwait(false);
            long firstEntry = cluster * (size / 8);
            for (int index = 0; index < size / 8 && firstEntry + index < _blocks; index++)
            {
                BinaryPrimitives.WriteInt64BigEndian(piece.Span[(index * 8)..], (firstBlock + firstEntry + index) << _geometry.ClusterBits);
            }
        }

        for (long block = 0; block < _blocks; block++)
        {
            Memory<byte> piece = await batch.NextAsync((firstBlock + block) << _geometry.ClusterBits, size).ConfigureAwait(false);
            long count = Math.Min(_geometry.RefcountsPerBlock, Clusters - (block * _geometry.RefcountsPerBlock));
            for (long index = 0; index < count; index++)
            {
                Qcow2Refcounts.Set(piece.Span, index, _geometry.RefcountOrder, 1);
            }
        }
    }

    private async ValueTask WriteL1Async(SinkBatch batch)
    {
        int entries = _geometry.ClusterSize / 8;
        int table = 0;
        for (int cluster = 0; cluster < _geometry.L1Clusters; cluster++)
        {
            Memory<byte> piece = await batch.NextAsync((_l1Cluster + cluster) << _geometry.ClusterBits, _geometry.ClusterSize).ConfigureAwait(false);
            for (; table < _tables.Count && _tables[table] / entries == cluster; table++)
            {
                BinaryPrimitives.WriteUInt64BigEndian(piece.Span[(_tables[table] % entries * 8)..], (ulong)L2Offset(table) | CopiedFlag);
            }
        }
    }

    private long L2Offset(int table) => (_l1Cluster + _geometry.L1Clusters + table) << _geometry.ClusterBits;

    private void FillL2(Span<byte> table, int l1Index)
    {
        long first = (long)l1Index << _geometry.L2Bits;
        long end = first + (1L << _geometry.L2Bits);
        int entryLength = _geometry.WordsPerEntry * 8;
        for (int index = RunBehind(first); index < _runs.Count && _runs[index].First < end; index++)
        {
            (long start, long count, long host) = _runs[index];
            long last = Math.Min(end, start + count);
            for (long cluster = Math.Max(first, start); cluster < last; cluster++)
            {
                Span<byte> entry = table.Slice((int)(cluster - first) * entryLength, entryLength);
                ulong zero = _geometry.HasExtendedL2 ? 0 : ZeroFlag;
                BinaryPrimitives.WriteUInt64BigEndian(entry, host < 0 ? zero : ((ulong)(host + cluster - start) << _geometry.ClusterBits) | CopiedFlag);
                if (_geometry.HasExtendedL2)
                {
                    BinaryPrimitives.WriteUInt64BigEndian(entry[8..], host < 0 ? 0xFFFFFFFF00000000 : 0xFFFFFFFF);
                }
            }
        }
    }

    private void CollectRuns(BlockMap map)
    {
        bool mapsEverything = Qcow2OptionsValidator.MapsEverything(_options);
        if (mapsEverything)
        {
            AddRun(0, _geometry.Clusters, true);
            return;
        }

        foreach (DiskExtent extent in map)
        {
            bool isData = extent.Kind == DiskExtentKind.Data;
            if (extent.Offset >= _geometry.Length || !(isData || (extent.Kind == DiskExtentKind.Zero && _options.Parent is not null)))
            {
                continue;
            }

            long first = extent.Offset >> _geometry.ClusterBits;
            long end = _geometry.ClustersFor(Math.Min(extent.End, _geometry.Length));
            if (_options.Parent is not null)
            {
                RequireWhole(map, first);
                RequireWhole(map, end - 1);
            }

            if (isData)
            {
                AddRun(first, end - first, true);
                continue;
            }

            // Zeros that share a cluster with data are part of it; version 2 has no other zeros over a parent.
            bool needsBytes = _options.Version < 3;
            long wholeFirst = _geometry.ClustersFor(extent.Offset);
            long wholeEnd = extent.End >= _geometry.Length ? end : extent.End >> _geometry.ClusterBits;
            AddRun(first, wholeFirst - first, true);
            AddRun(wholeFirst, wholeEnd - wholeFirst, needsBytes);
            AddRun(Math.Max(wholeEnd, wholeFirst), end - Math.Max(wholeEnd, wholeFirst), true);
        }
    }

    // A cluster hides its part of the parent as a whole: the plan must name all of it.
    private void RequireWhole(BlockMap map, long cluster)
    {
        long offset = cluster << _geometry.ClusterBits;
        long length = Math.Min(_geometry.ClusterSize, _geometry.Length - offset);
        long covered = 0;
        foreach (DiskExtent part in map.Slice(offset, length))
        {
            covered += part.Kind == DiskExtentKind.Unmapped ? 0 : part.Length;
        }

        if (covered != length)
        {
            throw new NotSupportedException($"The cluster at offset {offset} is the parent's in part. An overlay that is written front to back needs a plan in whole clusters of {_geometry.ClusterSize} bytes.");
        }
    }

    private void AddRun(long first, long count, bool isData)
    {
        if (_runs.Count > 0)
        {
            (long lastFirst, long lastCount, long lastHost) = _runs[^1];
            long skip = Math.Max(0, lastFirst + lastCount - first);
            first += skip;
            count -= skip;
            if (count > 0 && first == lastFirst + lastCount && isData == (lastHost >= 0))
            {
                _runs[^1] = (lastFirst, lastCount + count, lastHost);
                return;
            }
        }

        if (count > 0)
        {
            _runs.Add((first, count, isData ? 0 : -1));
        }
    }

    private void CollectTables()
    {
        foreach ((long first, long count, long _) in _runs)
        {
            int last = (int)((first + count - 1) >> _geometry.L2Bits);
            for (int index = (int)(first >> _geometry.L2Bits); index <= last; index++)
            {
                if (_tables.Count == 0 || _tables[^1] != index)
                {
                    _tables.Add(index);
                }
            }
        }
    }

    private void PlaceRuns(long host)
    {
        for (int index = 0; index < _runs.Count; index++)
        {
            (long first, long count, long planned) = _runs[index];
            if (planned >= 0)
            {
                _runs[index] = (first, count, host);
                host += count;
            }
        }
    }

    /// <summary>The first run that ends behind a cluster.</summary>
    private int RunBehind(long cluster)
    {
        int low = 0;
        int high = _runs.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (_runs[middle].First + _runs[middle].Count <= cluster)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }
}
