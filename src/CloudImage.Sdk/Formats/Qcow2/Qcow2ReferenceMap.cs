using System;
using System.Collections.Generic;
using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>Counts what refers to each cluster of a container, and what the cluster is used as. Pages come with their first reference.</summary>
internal sealed class Qcow2ReferenceMap
{
    public const int ClustersPerPage = 1024;
    private const int UseShift = 30;
    private const uint CountMask = (1U << UseShift) - 1;

    private readonly Dictionary<long, uint[]> _pages = [];
    private readonly long _maxPages;

    public Qcow2ReferenceMap(DiskReadLimits limits) => _maxPages = Math.Max(16, limits.MaxMetadataMemory / (ClustersPerPage * 4));

    /// <summary>Numbers of the pages that have references.</summary>
    public IReadOnlyCollection<long> Pages => _pages.Keys;

    /// <summary>References to a cluster.</summary>
    public uint CountOf(long cluster) =>
        _pages.TryGetValue(cluster / ClustersPerPage, out uint[]? page) ? page[cluster % ClustersPerPage] & CountMask : 0;

    /// <summary>Adds references; answers what the cluster was used as before.</summary>
    public Qcow2ClusterUse Add(long cluster, uint count, Qcow2ClusterUse use)
    {
        if (!_pages.TryGetValue(cluster / ClustersPerPage, out uint[]? page))
        {
            if (_pages.Count >= _maxPages)
            {
                throw Qcow2Header.Error(0, $"checking needs more than DiskReadLimits.MaxMetadataMemory for the counts of {_maxPages * ClustersPerPage} clusters.");
            }

            page = new uint[ClustersPerPage];
            _pages.Add(cluster / ClustersPerPage, page);
        }

        ref uint cell = ref page[cluster % ClustersPerPage];
        Qcow2ClusterUse before = (Qcow2ClusterUse)(cell >> UseShift);
        uint sum = Math.Min(CountMask, (cell & CountMask) + Math.Min(count, CountMask));
        cell = sum | ((uint)(before == Qcow2ClusterUse.None ? use : before) << UseShift);
        return before;
    }
}
