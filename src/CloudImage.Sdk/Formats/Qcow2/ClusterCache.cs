using System;
using System.Threading;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>Keeps the last few inflated clusters, so that small reads in order inflate each one once.</summary>
/// <remarks>Thread-safe without a lock: entries are immutable, a slot is taken by the cluster that came last.</remarks>
internal sealed class ClusterCache
{
    private const int MaxLength = 4 << 20;
    private readonly Entry?[] _slots;

    public ClusterCache(int clusterSize) => _slots = new Entry?[Math.Clamp(MaxLength / clusterSize, 2, 32)];

    /// <summary>The content of a cluster of the disk, when it is here.</summary>
    public byte[]? Find(long cluster)
    {
        Entry? entry = Volatile.Read(ref _slots[(int)(cluster % _slots.Length)]);
        return entry is not null && entry.Cluster == cluster ? entry.Content : null;
    }

    /// <summary>Takes a cluster; its content is not to be changed from here on.</summary>
    public void Add(long cluster, byte[] content) =>
        Volatile.Write(ref _slots[(int)(cluster % _slots.Length)], new Entry(cluster, content));

    private sealed class Entry(long cluster, byte[] content)
    {
        public long Cluster { get; } = cluster;

        public byte[] Content { get; } = content;
    }
}
