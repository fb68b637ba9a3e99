using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>A run of the disk under construction: pieces are appended as long as they continue what is there.</summary>
internal struct Qcow2Run
{
    public Qcow2Run(long offset, long limit)
    {
        Offset = offset;
        End = offset;
        Limit = limit;
        Kind = DiskExtentKind.Unmapped;
        HostOffset = -1;
        IsCompressed = false;
        Descriptor = 0;
    }

    /// <summary>Position of the first byte on the disk.</summary>
    public long Offset { get; }

    /// <summary>Position on the disk at which no more is asked for.</summary>
    public long Limit { get; }

    /// <summary>Position on the disk behind the last byte so far.</summary>
    public long End { get; private set; }

    public DiskExtentKind Kind { get; private set; }

    /// <summary>Where the first byte lies in the container, for data that is not compressed.</summary>
    public long HostOffset { get; private set; }

    public bool IsCompressed { get; private set; }

    /// <summary>The L2 entry of a compressed cluster.</summary>
    public ulong Descriptor { get; private set; }

    public readonly bool IsEmpty => End == Offset;

    public readonly bool IsFull => End >= Limit;

    /// <summary>Where the next byte must lie to continue a run of data.</summary>
    public readonly long NextHostOffset => HostOffset + (End - Offset);

    /// <summary>Appends bytes up to a position; answers false where they do not continue the run.</summary>
    public bool TryAppend(DiskExtentKind kind, long end, long hostOffset)
    {
        if (IsEmpty)
        {
            Kind = kind;
            HostOffset = hostOffset;
        }
        else if (IsCompressed || kind != Kind || (kind == DiskExtentKind.Data && hostOffset != NextHostOffset))
        {
            return false;
        }

        End = end < Limit ? end : Limit;
        return true;
    }

    /// <summary>Takes a compressed cluster, which is always a run of its own.</summary>
    public bool TryTakeCompressed(ulong descriptor, long end)
    {
        if (!IsEmpty)
        {
            return false;
        }

        Kind = DiskExtentKind.Data;
        IsCompressed = true;
        Descriptor = descriptor;
        End = end < Limit ? end : Limit;
        return true;
    }
}
