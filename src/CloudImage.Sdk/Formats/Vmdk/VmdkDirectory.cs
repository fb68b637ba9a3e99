using System;
using System.Buffers;
using System.Buffers.Binary;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>A grain directory of 32-bit entries, and its redundant twin where there is one: where each grain table lies.</summary>
internal sealed class VmdkDirectory
{
    private const uint BadEntry = uint.MaxValue;
    private readonly uint[] _entries;
    private readonly uint[]? _redundant;

    private VmdkDirectory(uint[] entries, uint[]? redundant, bool isRepaired)
    {
        _entries = entries;
        _redundant = redundant;
        IsRepaired = isRepaired;
    }

    public long Count => _entries.LongLength;

    /// <summary>Whether the redundant directory stood in for a damaged one.</summary>
    public bool IsRepaired { get; }

    /// <summary>Position of a table in the file; 0 where there is none, -1 where the directory is damaged.</summary>
    public long TableOffset(long table) => Offset(_entries[table]);

    /// <summary>Position of the redundant copy of a table; 0 or -1 where there is none.</summary>
    public long RedundantTableOffset(long table) => _redundant is null ? 0 : Offset(_redundant[table]);

    /// <summary>Reads a directory.</summary>
    /// <param name="container">The file.</param>
    /// <param name="fileOffset">Where the directory lies.</param>
    /// <param name="redundantOffset">Where its twin lies; 0 for none.</param>
    /// <param name="count">Number of entries.</param>
    /// <param name="tableSize">Bytes of a table, all of which must lie in the file.</param>
    /// <param name="limits">How much memory it may take.</param>
    /// <param name="mode">How to work.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async ValueTask<VmdkDirectory> ReadAsync(VirtualDisk container, long fileOffset, long redundantOffset, long count, int tableSize, DiskReadLimits limits, IoMode mode, CancellationToken cancellationToken)
    {
        if (count > limits.MaxMetadataMemory / (2 * sizeof(uint)))
        {
            throw new DiskFormatException(VmdkConstants.FormatName, fileOffset, $"The grain directory has {count} entries, more than the limit of {limits.MaxMetadataMemory} bytes allows (DiskReadLimits.MaxMetadataMemory).");
        }

        bool isInside = IsInside(container, fileOffset, count);
        bool isTwinInside = redundantOffset != 0 && IsInside(container, redundantOffset, count);
        if (!isInside && !isTwinInside)
        {
            throw new DiskFormatException(VmdkConstants.FormatName, fileOffset, $"The grain directory of {count} entries at {fileOffset} lies outside the file of {container.Length} bytes, and there is no redundant one.");
        }

        uint[]? twin = isTwinInside ? await ReadEntriesAsync(container, redundantOffset, count, tableSize, mode, cancellationToken).ConfigureAwait(false) : null;
        uint[] entries = isInside ? await ReadEntriesAsync(container, fileOffset, count, tableSize, mode, cancellationToken).ConfigureAwait(false) : twin!;
        return new VmdkDirectory(entries, twin, twin is not null && (!isInside | Repair(entries, twin)));
    }

    private static bool IsInside(VirtualDisk container, long fileOffset, long count) =>
        fileOffset > 0 && count * sizeof(uint) <= container.Length && fileOffset <= container.Length - (count * sizeof(uint));

    // A table that the directory lost, and its twin still has, is taken from there.
    private static bool Repair(uint[] entries, uint[] twin)
    {
        bool isRepaired = false;
        for (int i = 0; i < entries.Length; i++)
        {
            if (entries[i] is 0 or BadEntry && twin[i] is not (0 or BadEntry))
            {
                entries[i] = twin[i];
                isRepaired = true;
            }
        }

        return isRepaired;
    }

    private static async ValueTask<uint[]> ReadEntriesAsync(VirtualDisk container, long fileOffset, long count, int tableSize, IoMode mode, CancellationToken cancellationToken)
    {
        uint[] entries = new uint[count];
        byte[] rented = ArrayPool<byte>.Shared.Rent(65536);
        try
        {
            for (long done = 0; done < count;)
            {
                int step = (int)Math.Min(rented.Length / sizeof(uint), count - done);
                Memory<byte> bytes = rented.AsMemory(0, step * sizeof(uint));
                await container.ReadAsync(bytes, fileOffset + (done * sizeof(uint)), mode, cancellationToken).ConfigureAwait(false);
                Decode(bytes.Span, entries.AsSpan((int)done, step), container.Length - tableSize);
                done += step;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }

        return entries;
    }

    private static void Decode(ReadOnlySpan<byte> bytes, Span<uint> entries, long lastOffset)
    {
        for (int i = 0; i < entries.Length; i++)
        {
            uint entry = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(i * sizeof(uint))..]);
            entries[i] = (long)entry * VmdkConstants.SectorSize <= lastOffset ? entry : BadEntry;
        }
    }

    private static long Offset(uint entry) => entry == BadEntry ? -1 : (long)entry * VmdkConstants.SectorSize;
}
