using System;
using System.Buffers;
using System.Buffers.Binary;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>A hosted sparse extent ("KDMV"): plain grains, or the compressed ones of a stream.</summary>
internal sealed class VmdkHostedExtent : VmdkSparseExtent
{
    private const int MaxBatch = 1 << 20;
    private readonly VmdkDirectory _directory;
    private readonly VmdkGrainCache _grains;
    private readonly bool _isLenient;

    private VmdkHostedExtent(VirtualDisk container, VmdkHeader header, VmdkDirectory directory, VmdkDiskContext context, long start, long length)
        : base(container, context.Tables, start, length, header.GrainSize, (int)header.TableEntries, sizeof(uint))
    {
        Header = header;
        _directory = directory;
        _grains = context.Grains;
        _isLenient = context.Options.IsLenient;
    }

    public VmdkHeader Header { get; }

    /// <summary>Whether the redundant grain directory stood in for a damaged one.</summary>
    public bool IsRepaired => _directory.IsRepaired;

    /// <summary>Position of the redundant copy of a table; 0 or -1 where there is none.</summary>
    public long RedundantTableOffset(long table) => _directory.RedundantTableOffset(table);

    public override long TableCount => _directory.Count;

    public override bool IsCompressed => Header.IsCompressed;

    /// <summary>Opens an extent whose header was read; reads the directory.</summary>
    public static async ValueTask<VmdkHostedExtent> OpenAsync(VirtualDisk container, VmdkHeader header, VmdkDiskContext context, long start, long length, IoMode mode, CancellationToken cancellationToken)
    {
        if (header.IsDirectoryAtEnd)
        {
            header = await VmdkFooter.ReadAsync(container, header, mode, cancellationToken).ConfigureAwait(false);
        }

        int tableSize = (int)header.TableEntries * sizeof(uint);
        bool hasTwin = (header.Flags & VmdkHeaderFlags.RedundantDirectory) != 0;
        VmdkDirectory directory = await VmdkDirectory.ReadAsync(
            container, ToOffset(header.DirectorySector), hasTwin ? ToOffset(header.RedundantDirectorySector) : 0, header.DirectoryCount, tableSize, context.Limits, mode, cancellationToken).ConfigureAwait(false);
        context.Spend(header.DirectoryCount * sizeof(uint) * (hasTwin ? 2 : 1));
        return new VmdkHostedExtent(container, header, directory, context, start, length);
    }

    public override async ValueTask ReadEncodedAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        while (buffer.Length > 0)
        {
            long grain = (offset - Start) / GrainSize;
            int within = (int)((offset - Start) % GrainSize);
            int whole = within == 0 ? (int)Math.Min(buffer.Length / GrainSize, int.MaxValue) : 0;
            int count = whole > 0
                ? await ReadBatchAsync(buffer, grain, whole, mode, cancellationToken).ConfigureAwait(false)
                : await ReadPartAsync(buffer, grain, within, mode, cancellationToken).ConfigureAwait(false);
            buffer = buffer[count..];
            offset += count;
        }
    }

    public override long TableOffset(long table) => _directory.TableOffset(table);

    protected override void DecodeTable(ReadOnlySpan<byte> bytes, Span<long> entries)
    {
        bool hasZeroedGrains = Header.HasZeroedGrains;
        long fileLength = Container.Length;
        for (int i = 0; i < entries.Length; i++)
        {
            uint entry = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(i * sizeof(uint))..]);
            long fileOffset = (long)entry * VmdkConstants.SectorSize;
            entries[i] = entry == 0 ? VmdkTablePage.Unmapped
                : entry == VmdkConstants.ZeroedGrain ? (hasZeroedGrains ? VmdkTablePage.Zero : VmdkTablePage.Bad)
                : fileOffset < fileLength ? fileOffset : VmdkTablePage.Bad;
        }
    }

    protected override async ValueTask RepairTableAsync(long table, Memory<long> entries, IoMode mode, CancellationToken cancellationToken)
    {
        long fileOffset = _directory.RedundantTableOffset(table);
        if (fileOffset <= 0 || !entries.Span.Contains(VmdkTablePage.Bad))
        {
            return;
        }

        byte[] bytes = new byte[TableSize];
        await Container.ReadAsync(bytes, fileOffset, mode, cancellationToken).ConfigureAwait(false);
        long[] twin = new long[entries.Length];
        DecodeTable(bytes, twin);
        for (int i = 0; i < twin.Length; i++)
        {
            if (entries.Span[i] == VmdkTablePage.Bad)
            {
                entries.Span[i] = twin[i];
            }
        }
    }

    private static long ToOffset(ulong sector) =>
        sector <= (ulong)(long.MaxValue / VmdkConstants.SectorSize) ? (long)sector * VmdkConstants.SectorSize : long.MaxValue;

    private async ValueTask<int> ReadPartAsync(Memory<byte> buffer, long grain, int within, IoMode mode, CancellationToken cancellationToken)
    {
        byte[]? content = _grains.Find(this, grain);
        if (content is null)
        {
            content = new byte[GrainSize];
            long fileOffset = await FindGrainAsync(grain, mode, cancellationToken).ConfigureAwait(false);
            await ReadGrainAsync(content, grain, fileOffset, mode, cancellationToken).ConfigureAwait(false);
            _grains.Add(this, grain, content);
        }

        int count = Math.Min(buffer.Length, content.Length - within);
        content.AsSpan(within, count).CopyTo(buffer.Span);
        return count;
    }

    // Grains of a stream follow each other in the file: one read fetches many.
    private async ValueTask<int> ReadBatchAsync(Memory<byte> buffer, long grain, int whole, IoMode mode, CancellationToken cancellationToken)
    {
        int grainSize = (int)GrainSize;
        long first = await FindGrainAsync(grain, mode, cancellationToken).ConfigureAwait(false);
        int count = 1;
        long last = first;
        while (count < whole)
        {
            long next = await FindGrainAsync(grain + count, mode, cancellationToken).ConfigureAwait(false);
            if (next <= last || next - first > MaxBatch - grainSize)
            {
                break;
            }

            last = next;
            count++;
        }

        long end = Math.Min(Container.Length, last + grainSize + (grainSize / 16) + 1024);
        byte[] rented = ArrayPool<byte>.Shared.Rent((int)(end - first));
        try
        {
            int length = await Container.ReadAsync(rented.AsMemory(0, (int)(end - first)), first, mode, cancellationToken).ConfigureAwait(false);
            for (int i = 0; i < count; i++)
            {
                long fileOffset = await FindGrainAsync(grain + i, mode, cancellationToken).ConfigureAwait(false);
                Memory<byte> destination = buffer.Slice(i * grainSize, grainSize);
                if (!TryDecode(rented, (int)(fileOffset - first), length, destination.Span, grain + i, fileOffset))
                {
                    await ReadGrainAsync(destination, grain + i, fileOffset, mode, cancellationToken).ConfigureAwait(false);
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }

        return count * grainSize;
    }

    private async ValueTask ReadGrainAsync(Memory<byte> destination, long grain, long fileOffset, IoMode mode, CancellationToken cancellationToken)
    {
        int length = VmdkConstants.GrainMarkerSize + VmdkGrainCodec.MaxEncodedLength((int)GrainSize);
        byte[] rented = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            int read = await Container.ReadAsync(rented.AsMemory(0, length), fileOffset, mode, cancellationToken).ConfigureAwait(false);
            if (!TryDecode(rented, 0, read, destination.Span, grain, fileOffset))
            {
                throw new DiskFormatException(VmdkConstants.FormatName, fileOffset, "The file ends within a compressed grain.");
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    /// <summary>Inflates a grain that lies in a buffer; false where the buffer ends before it.</summary>
    private bool TryDecode(byte[] buffer, int start, int end, Span<byte> destination, long grain, long fileOffset)
    {
        int dataStart = start;
        int length = Math.Min(end - start, VmdkGrainCodec.MaxEncodedLength((int)GrainSize));
        if (Header.HasMarkers)
        {
            dataStart += VmdkConstants.GrainMarkerSize;
            if (dataStart > end)
            {
                return false;
            }

            length = VmdkGrainCodec.ReadMarker(buffer.AsSpan(start), grain * (long)Header.GrainSectors, (int)GrainSize, !_isLenient, fileOffset);
        }

        if (length > end - dataStart)
        {
            return false;
        }

        // The grain at the end of the disk may be stored without what lies behind the end.
        int required = (int)Math.Min(GrainSize, Header.Length - (grain * GrainSize));
        VmdkGrainCodec.Decode(buffer, dataStart, length, destination, required, fileOffset + (dataStart - start));
        return true;
    }
}
