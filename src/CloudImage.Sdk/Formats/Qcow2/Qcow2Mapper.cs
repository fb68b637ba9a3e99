using System;
using CloudImage.Sdk.Disks;
using static CloudImage.Sdk.Formats.Qcow2.Qcow2Constants;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>Walks L1 and L2 entries and joins what belongs together to runs. Reads nothing itself.</summary>
internal sealed class Qcow2Mapper
{
    private readonly Qcow2Header _header;
    private readonly ulong[] _l1;
    private readonly long _containerLength;
    private readonly int _clusterBits;
    private readonly int _coverageBits;

    public Qcow2Mapper(Qcow2Header header, ulong[] l1, long containerLength)
    {
        _header = header;
        _l1 = l1;
        _containerLength = containerLength;
        _clusterBits = header.ClusterBits;
        _coverageBits = header.ClusterBits + header.L2Bits;
    }

    /// <summary>Extends a run over empty L1 entries; answers whether the next byte needs an L2 table.</summary>
    public bool NeedsTable(ref Qcow2Run run, out bool isDone)
    {
        while (!run.IsFull)
        {
            long index = run.End >> _coverageBits;
            if ((_l1[index] & OffsetMask) != 0)
            {
                isDone = false;
                return true;
            }

            // An empty L1 entry stands for a table of empty L2 entries.
            long end = (index + 1) << _coverageBits;
            if (!run.TryAppend(DiskExtentKind.Unmapped, end < 0 ? long.MaxValue : end, -1))
            {
                break;
            }
        }

        isDone = true;
        return false;
    }

    /// <summary>Extends a run over a slice of an L2 table; answers whether the run goes on behind the slice.</summary>
    public bool Extend(ref Qcow2Run run, Qcow2L2Slice slice) =>
        _header.HasExtendedL2 ? ExtendSubclusters(ref run, slice) : ExtendClusters(ref run, slice);

    private bool ExtendClusters(ref Qcow2Run run, Qcow2L2Slice slice)
    {
        ReadOnlySpan<ulong> entries = slice.Words.AsSpan(slice.Start, slice.Count);
        int index = (int)(run.End >> _clusterBits) & (slice.Count - 1);
        while (index < entries.Length && !run.IsFull)
        {
            ulong entry = entries[index];
            long cluster = run.End >> _clusterBits;
            int count = 1;
            bool isTaken;
            if ((entry & CompressedFlag) != 0)
            {
                RequirePlain(slice, index);
                return run.TryTakeCompressed(entry, EndOf(cluster, 1)) && false;
            }

            DiskExtentKind kind = Classify(slice, index, entry, out long host);
            if (kind == DiskExtentKind.Data)
            {
                count = CountContiguous(entries[index..], entry);
                RequireInside(slice, index + count - 1, host + ((count - 1L) << _clusterBits));
                isTaken = run.TryAppend(kind, EndOf(cluster, count), host + (run.End & (_header.ClusterSize - 1)));
            }
            else
            {
                count = CountSame(entries[index..], entry);
                isTaken = run.TryAppend(kind, EndOf(cluster, count), -1);
            }

            if (!isTaken)
            {
                return false;
            }

            index += count;
        }

        return !run.IsFull;
    }

    private bool ExtendSubclusters(ref Qcow2Run run, Qcow2L2Slice slice)
    {
        ReadOnlySpan<ulong> words = slice.Words.AsSpan(slice.Start, slice.Count);
        int subclusterBits = _clusterBits - 5;
        int index = (int)(run.End >> _clusterBits) & ((slice.Count / 2) - 1);
        for (; index < words.Length / 2 && !run.IsFull; index++)
        {
            ulong entry = words[index * 2];
            ulong bitmap = words[(index * 2) + 1];
            long cluster = run.End >> _clusterBits;
            if ((entry & CompressedFlag) != 0)
            {
                RequirePlain(slice, index);
                return run.TryTakeCompressed(entry, EndOf(cluster, 1)) && false;
            }

            uint allocated = (uint)bitmap;
            uint zero = (uint)(bitmap >> 32);
            if ((allocated & zero) != 0)
            {
                throw Corrupt(slice, index, $"the bitmap 0x{bitmap:x16} marks subclusters as allocated and as zero at once.");
            }

            long host = HostOf(slice, index, entry);
            if (allocated != 0)
            {
                if (!IsAllocated(entry))
                {
                    throw Corrupt(slice, index, $"the bitmap 0x{bitmap:x16} marks subclusters as allocated, and the entry has no cluster.");
                }

                RequireInside(slice, index, host);
            }

            int subcluster = (int)(run.End >> subclusterBits) & (SubclustersPerCluster - 1);
            while (subcluster < SubclustersPerCluster && !run.IsFull)
            {
                DiskExtentKind kind = KindOf(allocated, zero, subcluster);
                int next = subcluster + 1;
                while (next < SubclustersPerCluster && KindOf(allocated, zero, next) == kind)
                {
                    next++;
                }

                long within = run.End & (_header.ClusterSize - 1);
                long end = (cluster << _clusterBits) + ((long)next << subclusterBits);
                if (!run.TryAppend(kind, end < 0 ? long.MaxValue : end, kind == DiskExtentKind.Data ? host + within : -1))
                {
                    return false;
                }

                subcluster = next;
            }
        }

        return !run.IsFull;
    }

    private static DiskExtentKind KindOf(uint allocated, uint zero, int subcluster) =>
        ((allocated >> subcluster) & 1) != 0 ? DiskExtentKind.Data
        : ((zero >> subcluster) & 1) != 0 ? DiskExtentKind.Zero
        : DiskExtentKind.Unmapped;

    private DiskExtentKind Classify(Qcow2L2Slice slice, int index, ulong entry, out long host)
    {
        host = HostOf(slice, index, entry);
        if ((entry & ZeroFlag) != 0)
        {
            return _header.Version >= 3 ? DiskExtentKind.Zero
                : throw Corrupt(slice, index, $"the entry 0x{entry:x16} has the zero flag, which version 2 does not know.");
        }

        return IsAllocated(entry) ? DiskExtentKind.Data : DiskExtentKind.Unmapped;
    }

    // In an external data file the first cluster lies at offset 0; there the flag tells it from an empty entry.
    private bool IsAllocated(ulong entry) =>
        (entry & OffsetMask) != 0 || (_header.HasDataFile && (entry & CopiedFlag) != 0);

    private long HostOf(Qcow2L2Slice slice, int index, ulong entry)
    {
        long host = (long)(entry & OffsetMask);
        return (host & (_header.ClusterSize - 1)) == 0 ? host
            : throw Corrupt(slice, index, $"the entry 0x{entry:x16} points to 0x{host:x}, not aligned to clusters of {_header.ClusterSize} bytes.");
    }

    private void RequireInside(Qcow2L2Slice slice, int index, long host)
    {
        if (host >= _containerLength && !_header.HasDataFile)
        {
            throw Corrupt(slice, index, $"the cluster at 0x{host:x} lies beyond the end of the image at {_containerLength}.");
        }
    }

    private void RequirePlain(Qcow2L2Slice slice, int index)
    {
        if (_header.HasDataFile)
        {
            throw Corrupt(slice, index, "a compressed cluster cannot lie in an external data file.");
        }
    }

    private int CountContiguous(ReadOnlySpan<ulong> entries, ulong first)
    {
        const ulong Mask = OffsetMask | CompressedFlag | ZeroFlag;
        ulong expected = first & Mask;
        int count = 1;
        while (count < entries.Length)
        {
            expected += (ulong)_header.ClusterSize;
            if ((entries[count] & Mask) != expected || !IsAllocated(entries[count]))
            {
                break;
            }

            count++;
        }

        return count;
    }

    private static int CountSame(ReadOnlySpan<ulong> entries, ulong first)
    {
        int count = entries.IndexOfAnyExcept(first);
        return count < 0 ? entries.Length : count;
    }

    private long EndOf(long cluster, int count)
    {
        long end = (cluster + count) << _clusterBits;
        return end < 0 ? long.MaxValue : end;
    }

    private DiskFormatException Corrupt(Qcow2L2Slice slice, int index, string message) =>
        Qcow2Header.Error(slice.FileOffset + ((long)index * _header.L2EntryLength), $"L2 entry: {message}");
}
