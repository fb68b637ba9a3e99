using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>Reads L2 tables in slices when they are asked for, and keeps a bounded number of them.</summary>
/// <remarks>
/// Thread-safe without a lock: a slot holds an immutable slice, and two threads that miss at once both read.
/// Slices of tables that follow one another in the container are read together when they are walked in order.
/// </remarks>
internal sealed class Qcow2L2Cache
{
    private const int MaxSliceLength = 65536;
    private const int ReadAheadLength = 1 << 20;

    /// <summary>What a single walk reads at a time: no more memory than stays in the processor's cache.</summary>
    private const int WalkLength = 256 << 10;

    private const long MaxCacheLength = 16L << 20;

    private readonly VirtualDisk _container;
    private readonly Qcow2Header _header;
    private readonly ulong[] _l1;
    private readonly int _sliceLength;
    private readonly int _sliceShift;
    private readonly int _slicesPerTable;
    private readonly long _sliceCount;
    private readonly Qcow2L2Slice?[] _slots;
    private readonly bool _isForOneWalk;
    private ulong[]? _walked;
    private long _lastMiss = -2;

    public Qcow2L2Cache(VirtualDisk container, Qcow2Header header, ulong[] l1, long virtualSize, DiskReadLimits limits)
        : this(container, header, l1, virtualSize, Math.Min(MaxCacheLength, limits.MaxMetadataMemory / 4), isForOneWalk: false)
    {
    }

    private Qcow2L2Cache(VirtualDisk container, Qcow2Header header, ulong[] l1, long virtualSize, long maxLength, bool isForOneWalk)
    {
        _isForOneWalk = isForOneWalk;
        _container = container;
        _header = header;
        _l1 = l1;
        _sliceLength = Math.Min(header.ClusterSize, MaxSliceLength);
        _slicesPerTable = header.ClusterSize / _sliceLength;
        int entriesPerSlice = _sliceLength / header.L2EntryLength;
        _sliceShift = header.ClusterBits + int.Log2(entriesPerSlice);
        _sliceCount = virtualSize == 0 ? 0 : ((virtualSize - 1) >> _sliceShift) + 1;
        long slots = Math.Max(maxLength / _sliceLength, 1);
        _slots = new Qcow2L2Slice?[(int)Math.Clamp(_sliceCount, 1, slots)];
    }

    /// <summary>Tables for one thread that goes from front to back and keeps no slice longer than until the next load.</summary>
    public static Qcow2L2Cache ForOneWalk(VirtualDisk container, Qcow2Header header, ulong[] l1, long virtualSize) =>
        new(container, header, l1, virtualSize, WalkLength, isForOneWalk: true);

    /// <summary>Log2 of the bytes of the disk that a slice covers.</summary>
    public int SliceShift => _sliceShift;

    /// <summary>The slice that covers a position, when it is in memory.</summary>
    public Qcow2L2Slice? Find(long offset)
    {
        long index = offset >> _sliceShift;
        Qcow2L2Slice? slice = Volatile.Read(ref _slots[(int)(index % _slots.Length)]);
        return slice is not null && slice.Index == index ? slice : null;
    }

    /// <summary>Reads the slice that covers a position whose L1 entry is not empty.</summary>
    public async ValueTask<Qcow2L2Slice> LoadAsync(long offset, IoMode mode, CancellationToken cancellationToken)
    {
        long index = offset >> _sliceShift;
        long fileOffset = PlaceOf(index);
        if (fileOffset >= _container.Length)
        {
            throw Qcow2Header.Error(_header.L1Offset, $"the L1 entry for offset {offset} points to 0x{fileOffset:x}, beyond the end of the image at {_container.Length}.");
        }

        int count = CountAhead(index, fileOffset);
        int words = _sliceLength / 8;
        ulong[] table = RentTable(count * words);
        await Qcow2Tables.ReadIntoAsync(_container, fileOffset, table, 0, count * words, mode, cancellationToken).ConfigureAwait(false);
        Qcow2L2Slice? first = null;
        for (int i = count - 1; i >= 0; i--)
        {
            first = new Qcow2L2Slice(index + i, fileOffset + ((long)i * _sliceLength), table, i * words, words);
            Volatile.Write(ref _slots[(int)((index + i) % _slots.Length)], first);
        }

        Volatile.Write(ref _lastMiss, index + count - 1);
        return first!;
    }

    private ulong[] RentTable(int words)
    {
        if (!_isForOneWalk)
        {
            return GC.AllocateUninitializedArray<ulong>(words);
        }

        // What the slices of the load before looked at is written over.
        Array.Clear(_slots);
        if (_walked is null || _walked.Length < words)
        {
            _walked = GC.AllocateUninitializedArray<ulong>(words);
        }

        return _walked;
    }

    /// <summary>The first byte of a slice in the container; 0 where there is no table.</summary>
    private long PlaceOf(long index)
    {
        ulong entry = _l1[index / _slicesPerTable];
        long table = (long)(entry & Qcow2Constants.OffsetMask);
        if ((table & (_header.ClusterSize - 1)) != 0)
        {
            throw Qcow2Header.Error(_header.L1Offset + (index / _slicesPerTable * 8), $"the L1 entry {index / _slicesPerTable} points to 0x{table:x}, not aligned to clusters of {_header.ClusterSize} bytes.");
        }

        return table == 0 ? 0 : table + (index % _slicesPerTable * _sliceLength);
    }

    private int CountAhead(long index, long fileOffset)
    {
        // Only a walk in order pays for reading further, and a slot must not be overwritten by its own read.
        if (Volatile.Read(ref _lastMiss) != index - 1)
        {
            return 1;
        }

        int limit = (int)Math.Min(Math.Min(Math.Max(1, ReadAheadLength / _sliceLength), _slots.Length), _sliceCount - index);
        int count = 1;
        while (count < limit && (_l1[(index + count) / _slicesPerTable] & Qcow2Constants.OffsetMask) != 0
            && PlaceOf(index + count) == fileOffset + ((long)count * _sliceLength))
        {
            count++;
        }

        return count;
    }
}
