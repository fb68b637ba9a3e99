using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>Reads the stored reference counts, a block at a time. One user at a time.</summary>
internal sealed class Qcow2RefcountReader
{
    private readonly VirtualDisk _container;
    private readonly Qcow2Header _header;
    private readonly byte[] _block;
    private long _loaded = -1;
    private bool _isEmpty;

    private Qcow2RefcountReader(VirtualDisk container, Qcow2Header header, ulong[] table)
    {
        _container = container;
        _header = header;
        Table = table;
        _block = new byte[header.ClusterSize];
        CountsPerBlock = (header.ClusterSize * 8L) >> header.RefcountOrder;
    }

    /// <summary>The refcount table.</summary>
    public ulong[] Table { get; }

    public long CountsPerBlock { get; }

    public static async ValueTask<Qcow2RefcountReader> OpenAsync(VirtualDisk container, Qcow2Header header, DiskReadLimits limits, IoMode mode, CancellationToken cancellationToken)
    {
        long entries = ((long)header.RefcountTableClusters << header.ClusterBits) / 8;
        ulong[] table = await Qcow2Tables.ReadAsync(container, header.RefcountTableOffset, entries, "The refcount table", limits, mode, cancellationToken).ConfigureAwait(false);
        return new Qcow2RefcountReader(container, header, table);
    }

    /// <summary>Where a block lies; 0 where there is none, or its entry cannot be right.</summary>
    public long BlockOffset(long block)
    {
        ulong entry = block < Table.Length ? Table[block] : 0;
        bool isPossible = (entry & (ulong)(_header.ClusterSize - 1)) == 0 && entry < (ulong)_container.Length;
        return isPossible ? (long)entry : 0;
    }

    /// <summary>The stored count of a cluster.</summary>
    public async ValueTask<ulong> CountOfAsync(long cluster, IoMode mode, CancellationToken cancellationToken)
    {
        long block = cluster / CountsPerBlock;
        if (BlockOffset(block) == 0)
        {
            return 0;
        }

        await LoadAsync(block, mode, cancellationToken).ConfigureAwait(false);
        return CountInLoaded(cluster % CountsPerBlock);
    }

    /// <summary>Reads a block that exists; answers whether any count in it is set.</summary>
    public async ValueTask<bool> LoadAsync(long block, IoMode mode, CancellationToken cancellationToken)
    {
        if (_loaded != block)
        {
            _loaded = -1;
            int count = await _container.ReadAsync(_block, BlockOffset(block), mode, cancellationToken).ConfigureAwait(false);
            _block.AsSpan(count).Clear();
            _isEmpty = !_block.AsSpan().ContainsAnyExcept((byte)0);
            _loaded = block;
        }

        return !_isEmpty;
    }

    /// <summary>A count of the block that was loaded last.</summary>
    public ulong CountInLoaded(long index) => Qcow2Refcounts.Get(_block, index, _header.RefcountOrder);
}
