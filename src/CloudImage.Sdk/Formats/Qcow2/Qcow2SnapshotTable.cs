using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;
using static CloudImage.Sdk.Formats.Qcow2.Qcow2Constants;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>The table of the snapshots inside an image. Big-endian; entries of varying length, each a multiple of 8.</summary>
internal sealed class Qcow2SnapshotTable
{
    private const int FixedLength = 40;

    private Qcow2SnapshotTable(List<Qcow2Snapshot> snapshots, long length)
    {
        Snapshots = snapshots;
        Length = length;
    }

    public IReadOnlyList<Qcow2Snapshot> Snapshots { get; }

    /// <summary>Length of the table in bytes.</summary>
    public long Length { get; }

    public static async ValueTask<Qcow2SnapshotTable> ReadAsync(VirtualDisk container, Qcow2Header header, DiskReadLimits limits, IoMode mode, CancellationToken cancellationToken)
    {
        List<Qcow2Snapshot> snapshots = [];
        long position = header.SnapshotTableOffset;
        byte[] buffer = new byte[FixedLength + MaxSnapshotExtraLength + (2 * ushort.MaxValue)];
        for (int index = 0; index < header.SnapshotCount; index++)
        {
            int count = await container.ReadAsync(buffer.AsMemory(0, FixedLength), position, mode, cancellationToken).ConfigureAwait(false);
            Require(header, position, count == FixedLength, $"the snapshot table ends inside entry {index} of {header.SnapshotCount}");
            int length = EntryLength(header, position, buffer);
            count = await container.ReadAsync(buffer.AsMemory(FixedLength, length - FixedLength), position + FixedLength, mode, cancellationToken).ConfigureAwait(false);
            Require(header, position, count == length - FixedLength, $"the snapshot table ends inside entry {index} of {header.SnapshotCount}");
            snapshots.Add(Parse(header, position, buffer.AsSpan(0, length)));
            position += (length + 7) & ~7;
            Require(header, position, position - header.SnapshotTableOffset <= Math.Min(MaxSnapshotTableLength, limits.MaxMetadataMemory), "the snapshot table is longer than the limit");
        }

        return new Qcow2SnapshotTable(snapshots, position - header.SnapshotTableOffset);
    }

    /// <summary>Finds a snapshot by its id, else by its name.</summary>
    public Qcow2Snapshot? Find(string idOrName)
    {
        Qcow2Snapshot? named = null;
        foreach (Qcow2Snapshot snapshot in Snapshots)
        {
            if (snapshot.Id == idOrName)
            {
                return snapshot;
            }

            named ??= snapshot.Name == idOrName ? snapshot : null;
        }

        return named;
    }

    private static int EntryLength(Qcow2Header header, long position, ReadOnlySpan<byte> entry)
    {
        uint extra = BinaryPrimitives.ReadUInt32BigEndian(entry[36..]);
        Require(header, position, extra <= MaxSnapshotExtraLength, $"{extra} bytes of extra data of a snapshot exceed {MaxSnapshotExtraLength}");
        return FixedLength + (int)extra + BinaryPrimitives.ReadUInt16BigEndian(entry[12..]) + BinaryPrimitives.ReadUInt16BigEndian(entry[14..]);
    }

    private static Qcow2Snapshot Parse(Qcow2Header header, long position, ReadOnlySpan<byte> entry)
    {
        ulong l1Offset = BinaryPrimitives.ReadUInt64BigEndian(entry);
        uint l1Entries = BinaryPrimitives.ReadUInt32BigEndian(entry[8..]);
        Require(header, position, l1Entries <= MaxL1Length / 8, $"{l1Entries} L1 entries of a snapshot exceed {MaxL1Length / 8}");
        Require(header, position, l1Offset <= long.MaxValue && (l1Offset & (ulong)(header.ClusterSize - 1)) == 0, $"the L1 table of a snapshot at 0x{l1Offset:x} is not aligned to clusters of {header.ClusterSize} bytes");
        int extra = (int)BinaryPrimitives.ReadUInt32BigEndian(entry[36..]);
        int idLength = BinaryPrimitives.ReadUInt16BigEndian(entry[12..]);
        int nameLength = BinaryPrimitives.ReadUInt16BigEndian(entry[14..]);
        ulong size = extra >= 16 ? BinaryPrimitives.ReadUInt64BigEndian(entry[(FixedLength + 8)..]) : (ulong)header.VirtualSize;
        Require(header, position, size <= long.MaxValue, $"the virtual size 0x{size:x} of a snapshot is beyond 2^63");
        ulong state = extra >= 8 ? BinaryPrimitives.ReadUInt64BigEndian(entry[FixedLength..]) : BinaryPrimitives.ReadUInt32BigEndian(entry[32..]);
        return new Qcow2Snapshot
        {
            L1Offset = (long)l1Offset,
            L1Entries = (int)l1Entries,
            VirtualSize = (long)size,
            CreatedAt = DateTimeOffset.FromUnixTimeSeconds(BinaryPrimitives.ReadUInt32BigEndian(entry[16..])).AddTicks(BinaryPrimitives.ReadUInt32BigEndian(entry[20..]) / 100),
            MachineStateSize = (long)Math.Min(state, long.MaxValue),
            Id = Encoding.UTF8.GetString(entry.Slice(FixedLength + extra, idLength)),
            Name = Encoding.UTF8.GetString(entry.Slice(FixedLength + extra + idLength, nameLength)),
        };
    }

    private static void Require(Qcow2Header header, long fileOffset, bool isTrue, string message)
    {
        if (!isTrue)
        {
            throw Qcow2Header.Error(fileOffset, message + ".");
        }
    }
}
