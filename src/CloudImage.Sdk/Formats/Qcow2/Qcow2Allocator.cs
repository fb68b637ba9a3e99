using System;
using System.Collections.Generic;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>Gives out the clusters of an image that is being written, and bytes for compressed data; counts references. Not thread-safe.</summary>
/// <remarks>
/// Clusters are appended. Compressed data goes to a stretch reserved ahead, so that whole clusters between it do not cut
/// it; what remains of the stretch at the end is taken for tables.
/// </remarks>
internal sealed class Qcow2Allocator
{
    private const int CountsPerPage = 4096;
    private const int ReserveLength = 512 << 10;
    private const int MaxReserveClusters = 8;

    private readonly Qcow2Geometry _geometry;
    private readonly int _maxCount;
    private readonly int _reserveClusters;
    private readonly Dictionary<long, ushort[]> _pages = [];
    private readonly Stack<long> _free = new();
    private long _streamOffset;
    private long _streamEnd;

    public Qcow2Allocator(Qcow2Geometry geometry)
    {
        _geometry = geometry;
        _maxCount = geometry.RefcountOrder >= 4 ? ushort.MaxValue : (1 << (1 << geometry.RefcountOrder)) - 1;
        _reserveClusters = Math.Clamp(ReserveLength >> geometry.ClusterBits, 1, MaxReserveClusters);
        Clusters = 1;
    }

    /// <summary>Clusters of the container so far, the header's among them.</summary>
    public long Clusters { get; private set; }

    /// <summary>Appends clusters that lie side by side; answers the position of the first byte.</summary>
    public long Append(long count)
    {
        long first = Clusters;
        Clusters = checked(Clusters + count);
        return checked(first << _geometry.ClusterBits);
    }

    /// <summary>Takes one cluster for a table: one that lies free, else a new one.</summary>
    public long TakeOne()
    {
        if (!_free.TryPop(out long cluster))
        {
            return Append(1);
        }

        SetCount(cluster, 1);
        return cluster << _geometry.ClusterBits;
    }

    /// <summary>Takes bytes for compressed data.</summary>
    public long TakeBytes(int length)
    {
        if (!Fits(length))
        {
            Reserve(length);
        }

        long fileOffset = _streamOffset;
        _streamOffset += length;
        AddReferences(fileOffset, length, 1);
        return fileOffset;
    }

    /// <summary>Gives compressed bytes back.</summary>
    public void ReturnBytes(long fileOffset, int length) => AddReferences(fileOffset, length, -1);

    /// <summary>Ends the compressed data: what is left of its stretch becomes free.</summary>
    public void EndBytes()
    {
        if (_streamEnd == 0)
        {
            return;
        }

        long firstFree = _geometry.ClustersFor(_streamOffset);
        long end = _streamEnd >> _geometry.ClusterBits;
        if (end == Clusters)
        {
            // They may be given out again, and count one then as every cluster does.
            for (long cluster = firstFree; cluster < end; cluster++)
            {
                SetCount(cluster, 1);
            }

            Clusters = firstFree;
        }
        else
        {
            for (long cluster = end - 1; cluster >= firstFree; cluster--)
            {
                _free.Push(cluster);
            }
        }

        _streamOffset = _streamEnd = 0;
    }

    /// <summary>How many references a cluster of the container has.</summary>
    public int CountOf(long cluster) =>
        cluster >= Clusters ? 0 : _pages.TryGetValue(cluster / CountsPerPage, out ushort[]? page) ? page[cluster % CountsPerPage] : 1;

    private bool Fits(int length)
    {
        if (_streamEnd == 0)
        {
            return false;
        }

        // A cluster that can count no further is left, and the data begins in the next one.
        if ((_streamOffset & (_geometry.ClusterSize - 1)) != 0 && CountOf(_streamOffset >> _geometry.ClusterBits) >= _maxCount)
        {
            _streamOffset = _geometry.ClustersFor(_streamOffset) << _geometry.ClusterBits;
        }

        return length <= _streamEnd - _streamOffset;
    }

    private void Reserve(int length)
    {
        long needed = Math.Max(_reserveClusters, _geometry.ClustersFor(length));
        if (_streamEnd != Clusters << _geometry.ClusterBits)
        {
            EndBytes();
            _streamOffset = Clusters << _geometry.ClusterBits;
        }

        long first = Clusters;
        _ = Append(needed);
        _streamEnd = Clusters << _geometry.ClusterBits;
        for (long cluster = first; cluster < Clusters; cluster++)
        {
            SetCount(cluster, 0);
        }
    }

    private void AddReferences(long fileOffset, int length, int change)
    {
        long last = (fileOffset + length - 1) >> _geometry.ClusterBits;
        for (long cluster = fileOffset >> _geometry.ClusterBits; cluster <= last; cluster++)
        {
            SetCount(cluster, CountOf(cluster) + change);
        }
    }

    private void SetCount(long cluster, int count)
    {
        if (!_pages.TryGetValue(cluster / CountsPerPage, out ushort[]? page))
        {
            page = new ushort[CountsPerPage];
            Array.Fill(page, (ushort)1);
            _pages.Add(cluster / CountsPerPage, page);
        }

        page[cluster % CountsPerPage] = (ushort)count;
    }
}
