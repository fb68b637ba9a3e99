using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Archives;

/// <summary>Reads the map of a sparse member: old GNU (in headers), pax 0.0 and 0.1 (in records), pax 1.0 (before the data).</summary>
internal readonly struct TarSparseReader
{
    private readonly TarReader _reader;
    private readonly DiskReadLimits _limits;

    public TarSparseReader(TarReader reader, DiskReadLimits limits)
    {
        _reader = reader;
        _limits = limits;
    }

    private int MaxEntries => (int)Math.Min(Array.MaxLength, _limits.MaxMetadataMemory / TarSparseMap.EntrySize / 2);

    /// <summary>The map of a member of type S: four entries in the header, then blocks of 21.</summary>
    public async ValueTask<(TarSparseMap? Map, long Length)> ReadOldGnuAsync(byte[] header, IoMode mode, CancellationToken cancellationToken)
    {
        if (!TarNumber.TryRead(header.AsSpan(TarConstants.SparseRealSizeOffset, TarConstants.LongNumberLength), out long length))
        {
            throw _reader.Fault(_reader.Position, "The real size of a sparse member is not a number.");
        }

        List<(long, long)> entries = [];
        AddEntries(entries, header.AsSpan(TarConstants.SparseEntriesOffset), TarConstants.SparseEntriesInHeader);
        bool isExtended = header[TarConstants.SparseIsExtendedOffset] != 0;
        byte[] block = new byte[TarConstants.BlockSize];
        while (isExtended)
        {
            await _reader.ReadExactlyAsync(block, mode, cancellationToken).ConfigureAwait(false);
            int count = entries.Count;
            AddEntries(entries, block, TarConstants.SparseEntriesInExtension);
            if (entries.Count == count)
            {
                throw _reader.Fault(_reader.Position - block.Length, "An extension of a sparse map is empty.");
            }

            isExtended = block[TarConstants.ExtensionIsExtendedOffset] != 0;
        }

        return (Make(entries, length), length);
    }

    /// <summary>The map that pax records describe; none where they do not.</summary>
    public async ValueTask<(TarSparseMap? Map, long Length)> ReadPaxAsync(TarPax? pax, long stored, IoMode mode, CancellationToken cancellationToken)
    {
        if (pax?.SparseRealSize is not { } length)
        {
            return (null, stored);
        }

        List<(long, long)> entries = pax.HasMapInData
            ? await ReadMapInDataAsync(stored, mode, cancellationToken).ConfigureAwait(false)
            : pax.SparseEntries ?? throw _reader.Fault(_reader.Position, "A sparse member comes without its map.");
        return (Make(entries, length), length);
    }

    // Decimal numbers, a line each: the count, then offset and length of each entry; padded to whole blocks.
    private async ValueTask<List<(long, long)>> ReadMapInDataAsync(long stored, IoMode mode, CancellationToken cancellationToken)
    {
        List<(long, long)> entries = [];
        long? count = null;
        long? offset = null;
        long number = -1;
        byte[] block = new byte[TarConstants.BlockSize];
        for (long done = 0; count is null || entries.Count < count; done += block.Length)
        {
            if (done + block.Length > stored)
            {
                throw _reader.Fault(_reader.Position, "The sparse map is longer than the member that it is part of.");
            }

            await _reader.ReadExactlyAsync(block, mode, cancellationToken).ConfigureAwait(false);
            for (int index = 0; index < block.Length && (count is null || entries.Count < count); index++)
            {
                if (block[index] != '\n')
                {
                    number = Append(number, block[index]);
                    continue;
                }

                Take(entries, ref count, ref offset, number);
                number = -1;
            }
        }

        return entries;
    }

    private long Append(long number, byte digit)
    {
        number = Math.Max(0, number);
        if (digit is < (byte)'0' or > (byte)'9' || number > (long.MaxValue - 9) / 10)
        {
            throw _reader.Fault(_reader.Position, "The sparse map holds something that is not a number of at most 63 bits.");
        }

        return (number * 10) + (digit - '0');
    }

    private void Take(List<(long, long)> entries, ref long? count, ref long? offset, long number)
    {
        if (number < 0)
        {
            throw _reader.Fault(_reader.Position, "The sparse map holds an empty line.");
        }

        if (count is null)
        {
            count = number;
        }
        else if (offset is { } first)
        {
            Add(entries, first, number);
            offset = null;
        }
        else
        {
            offset = number;
        }
    }

    private void AddEntries(List<(long, long)> entries, ReadOnlySpan<byte> block, int count)
    {
        for (int index = 0; index < count; index++)
        {
            ReadOnlySpan<byte> entry = block.Slice(index * TarConstants.SparseEntryLength, TarConstants.SparseEntryLength);
            if (entry[0] == 0)
            {
                // An entry that was never written is NUL throughout; none follows it.
                return;
            }

            if (!TarNumber.TryRead(entry[..TarConstants.LongNumberLength], out long offset)
                || !TarNumber.TryRead(entry[TarConstants.LongNumberLength..], out long length))
            {
                throw _reader.Fault(_reader.Position, $"Entry {entries.Count} of the sparse map does not hold two numbers.");
            }

            Add(entries, offset, length);
        }
    }

    private void Add(List<(long, long)> entries, long offset, long length)
    {
        if (entries.Count >= MaxEntries)
        {
            throw _reader.Fault(_reader.Position, $"The sparse map has more than {MaxEntries} entries, which DiskReadLimits.MaxMetadataMemory does not allow.");
        }

        entries.Add((offset, length));
    }

    private TarSparseMap Make(List<(long, long)> entries, long length) =>
        TarSparseMap.TryMake(entries, length, out string? fault) ?? throw _reader.Fault(_reader.Position, fault!);
}
