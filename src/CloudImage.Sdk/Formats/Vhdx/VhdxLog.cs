using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vhdx;

/// <summary>Finds the active sequence of entries in a log, as MS-VHDX 2.3.3 says.</summary>
/// <remarks>
/// The log is a ring of sectors of 4 KiB. A sector begins with the signature of an entry, of a data sector or of a
/// descriptor, so that no sector belongs to two entries whose structure is right: the work is linear in the log's length.
/// </remarks>
internal static class VhdxLog
{
    private const int SectorSize = VhdxConstants.LogSectorSize;
    private const int EntryHeaderLength = 64;
    private const int DescriptorLength = 32;

    /// <summary>Reads the log of a header whose log id is set.</summary>
    /// <returns>The entries to replay, in order.</returns>
    /// <exception cref="DiskFormatException">The log holds no valid sequence, or the file was cut.</exception>
    public static async ValueTask<IReadOnlyList<VhdxLogEntry>> ReadActiveAsync(VirtualDisk container, VhdxHeader header, DiskReadLimits limits, IoMode mode, CancellationToken cancellationToken)
    {
        if (header.LogVersion != 0)
        {
            throw new UnsupportedDiskFeatureException(VhdxConstants.FormatName, header.FileOffset + 64, "log version", $"the log is of version {header.LogVersion} and must be replayed; version 0 is known.");
        }

        // The ring is held twice: as it is, and as the pages of its entries.
        if (header.LogLength > limits.MaxMetadataMemory / 2 || header.LogLength > int.MaxValue)
        {
            throw VhdxImage.Fault(header.FileOffset + 68, $"the log has {header.LogLength} bytes; replaying it takes more memory than the limit of {limits.MaxMetadataMemory} (DiskReadLimits.MaxMetadataMemory).");
        }

        if (header.LogLength == 0 || header.LogOffset > (ulong)container.Length || header.LogLength > container.Length - (long)header.LogOffset)
        {
            throw VhdxImage.Fault(header.FileOffset + 72, $"the log must be replayed, and at {header.LogOffset} with {header.LogLength} bytes it does not lie within the file of {container.Length} bytes.");
        }

        byte[] log = new byte[(int)header.LogLength];
        await container.ReadAsync(log, (long)header.LogOffset, mode, cancellationToken).ConfigureAwait(false);
        List<VhdxLogEntry> entries = FindActive(log, header.LogId);
        if (entries.Count == 0)
        {
            throw VhdxImage.Fault((long)header.LogOffset, "the header says that the log must be replayed, and the log holds no valid sequence of entries.");
        }

        if (entries[^1].FlushedFileLength > (ulong)container.Length)
        {
            throw VhdxImage.Fault((long)header.LogOffset + entries[^1].Position, $"the file had {entries[^1].FlushedFileLength} bytes when its log was written, and has {container.Length}: it was cut.");
        }

        return entries;
    }

    private static List<VhdxLogEntry> FindActive(byte[] log, Guid logId)
    {
        VhdxLogEntry?[] entries = new VhdxLogEntry?[log.Length / SectorSize];
        for (int index = 0; index < entries.Length; index++)
        {
            entries[index] = TryRead(log, index * SectorSize, logId);
        }

        int[] heads = FindHeads(entries, log.Length);
        VhdxLogEntry? active = null;
        foreach (VhdxLogEntry? entry in entries)
        {
            // A sequence is valid when the entry that its last one calls the tail leads up to that last one.
            if (entry is not null && heads[entry.Position / SectorSize] == entry.Position / SectorSize
                && entry.Tail % SectorSize == 0 && entry.Tail < log.Length && heads[entry.Tail / SectorSize] == entry.Position / SectorSize
                && (active is null || entry.SequenceNumber > active.SequenceNumber))
            {
                active = entry;
            }
        }

        List<VhdxLogEntry> sequence = [];
        for (VhdxLogEntry? entry = active is null ? null : entries[active.Tail / SectorSize]; entry is not null; entry = Next(entries, log.Length, entry))
        {
            sequence.Add(entry);
        }

        return sequence;
    }

    /// <summary>For each entry the last one of the sequence that runs through it; -1 where there is no entry.</summary>
    private static int[] FindHeads(VhdxLogEntry?[] entries, int logLength)
    {
        int[] heads = new int[entries.Length];
        Array.Fill(heads, -1);
        Stack<int> path = new();
        for (int index = 0; index < entries.Length; index++)
        {
            if (entries[index] is null || heads[index] >= 0)
            {
                continue;
            }

            // Sequence numbers only grow along the way, so it ends.
            VhdxLogEntry last = entries[index]!;
            int head = -1;
            path.Push(index);
            while (Next(entries, logLength, last) is { } next)
            {
                int nextIndex = next.Position / SectorSize;
                if (heads[nextIndex] >= 0)
                {
                    head = heads[nextIndex];
                    break;
                }

                path.Push(nextIndex);
                last = next;
            }

            head = head < 0 ? last.Position / SectorSize : head;
            while (path.TryPop(out int visited))
            {
                heads[visited] = head;
            }
        }

        return heads;
    }

    private static VhdxLogEntry? Next(VhdxLogEntry?[] entries, int logLength, VhdxLogEntry entry)
    {
        int position = (int)(((long)entry.Position + entry.Length) % logLength);
        return entries[position / SectorSize] is { } next && next.SequenceNumber == unchecked(entry.SequenceNumber + 1) && next.SequenceNumber > entry.SequenceNumber ? next : null;
    }

    private static VhdxLogEntry? TryRead(byte[] log, int position, Guid logId)
    {
        ReadOnlySpan<byte> header = log.AsSpan(position, SectorSize);
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(header[8..]);
        ulong sequenceNumber = BinaryPrimitives.ReadUInt64LittleEndian(header[16..]);
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(header[24..]);
        if (BinaryPrimitives.ReadUInt32LittleEndian(header) != VhdxConstants.LogEntrySignature
            || new Guid(header.Slice(32, 16)) != logId
            || length == 0 || length % SectorSize != 0 || length > log.Length
            || sequenceNumber == 0 || count > (length - EntryHeaderLength) / DescriptorLength)
        {
            return null;
        }

        if (ReadChanges(log, position, (int)length, sequenceNumber, (int)count) is not { } changes
            || BinaryPrimitives.ReadUInt32LittleEndian(header[4..]) != Checksum(log, position, (int)length))
        {
            return null;
        }

        return new VhdxLogEntry
        {
            Position = position,
            Length = (int)length,
            SequenceNumber = sequenceNumber,
            Tail = BinaryPrimitives.ReadUInt32LittleEndian(header[12..]),
            FlushedFileLength = BinaryPrimitives.ReadUInt64LittleEndian(header[48..]),
            LastFileLength = BinaryPrimitives.ReadUInt64LittleEndian(header[56..]),
            Changes = changes,
        };
    }

    private static VhdxLogChange[]? ReadChanges(byte[] log, int position, int length, ulong sequenceNumber, int count)
    {
        int dataPosition = (int)VhdxConstants.Align(EntryHeaderLength + ((long)count * DescriptorLength), SectorSize);
        VhdxLogChange[] changes = new VhdxLogChange[count];
        for (int index = 0; index < count; index++)
        {
            // Neither a descriptor nor a sector straddles the end of the ring.
            ReadOnlySpan<byte> descriptor = At(log, position, EntryHeaderLength + (index * DescriptorLength), DescriptorLength);
            uint signature = BinaryPrimitives.ReadUInt32LittleEndian(descriptor);
            ulong fileOffset = BinaryPrimitives.ReadUInt64LittleEndian(descriptor[16..]);
            if (BinaryPrimitives.ReadUInt64LittleEndian(descriptor[24..]) != sequenceNumber || fileOffset % SectorSize != 0 || fileOffset > long.MaxValue / 4)
            {
                return null;
            }

            if (signature == VhdxConstants.LogZeroSignature)
            {
                ulong zeroes = BinaryPrimitives.ReadUInt64LittleEndian(descriptor[8..]);
                if (zeroes % SectorSize != 0 || zeroes > long.MaxValue / 4)
                {
                    return null;
                }

                changes[index] = new VhdxLogChange((long)fileOffset, (long)zeroes, null);
                continue;
            }

            if (signature != VhdxConstants.LogDescriptorSignature || dataPosition >= length)
            {
                return null;
            }

            ReadOnlySpan<byte> data = At(log, position, dataPosition, SectorSize);
            dataPosition += SectorSize;
            if (BinaryPrimitives.ReadUInt32LittleEndian(data) != VhdxConstants.LogDataSignature
                || BinaryPrimitives.ReadUInt32LittleEndian(data[4..]) != (uint)(sequenceNumber >> 32)
                || BinaryPrimitives.ReadUInt32LittleEndian(data[(SectorSize - 4)..]) != (uint)sequenceNumber)
            {
                return null;
            }

            // Eight bytes at the front and four at the back of the page gave way to the marks of the sector.
            byte[] page = data.ToArray();
            descriptor.Slice(8, 8).CopyTo(page);
            descriptor.Slice(4, 4).CopyTo(page.AsSpan(SectorSize - 4));
            changes[index] = new VhdxLogChange((long)fileOffset, SectorSize, page);
        }

        return dataPosition == length ? changes : null;
    }

    private static ReadOnlySpan<byte> At(byte[] log, int position, int offset, int length)
    {
        int start = (int)(((long)position + offset) % log.Length);
        return log.AsSpan(start, length);
    }

    private static uint Checksum(byte[] log, int position, int length)
    {
        int first = Math.Min(length, log.Length - position);
        ReadOnlySpan<byte> begin = log.AsSpan(position, first);
        uint checksum = Crc32C.Append(0, begin[..4]);
        checksum = Crc32C.Append(checksum, [0, 0, 0, 0]);
        checksum = Crc32C.Append(checksum, begin[8..]);
        return Crc32C.Append(checksum, log.AsSpan(0, length - first));
    }
}
