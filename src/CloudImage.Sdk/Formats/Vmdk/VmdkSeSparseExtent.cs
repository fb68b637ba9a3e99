using System;
using System.Buffers;
using System.Buffers.Binary;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>A space-efficient sparse extent (seSparse, ESXi 6.5 and later): 4 KiB grains, tables of 4096 64-bit entries. Read only.</summary>
internal sealed class VmdkSeSparseExtent : VmdkSparseExtent
{
    private const int EntriesPerSeTable = 4096;
    private const uint BadEntry = uint.MaxValue;
    private const ulong StateMask = 0xF000_0000_0000_0000;
    private readonly VmdkSeSparseHeader _header;

    // Number of the table plus one; 0 for none.
    private readonly uint[] _directory;

    private VmdkSeSparseExtent(VirtualDisk container, VmdkSeSparseHeader header, uint[] directory, VmdkDiskContext context, long start, long length)
        : base(container, context.Tables, start, length, (long)header.GrainSectors * VmdkConstants.SectorSize, EntriesPerSeTable, sizeof(ulong))
    {
        _header = header;
        _directory = directory;
    }

    public override long TableCount => _directory.LongLength;

    /// <summary>Opens an extent whose first sector was read; reads the directory.</summary>
    public static async ValueTask<VmdkSeSparseExtent> OpenAsync(VirtualDisk container, VmdkSeSparseHeader header, VmdkDiskContext context, long start, long length, IoMode mode, CancellationToken cancellationToken)
    {
        await CheckJournalAsync(container, header, context, mode, cancellationToken).ConfigureAwait(false);
        long coverage = (long)header.GrainSectors * VmdkConstants.SectorSize * EntriesPerSeTable;
        long count = (header.Length / coverage) + (header.Length % coverage == 0 ? 0 : 1);
        long fileOffset = (long)header.DirectorySector * VmdkConstants.SectorSize;
        long bytes = count * sizeof(ulong);
        if (bytes > (long)header.DirectorySectors * VmdkConstants.SectorSize || bytes > container.Length || fileOffset > container.Length - bytes)
        {
            throw new DiskFormatException(VmdkConstants.FormatName, fileOffset, $"The seSparse grain directory needs {count} entries, which do not lie in its {header.DirectorySectors} sectors of the file.");
        }

        context.Spend(count * sizeof(uint));
        uint[] directory = new uint[count];
        await ReadDirectoryAsync(container, fileOffset, header, directory, mode, cancellationToken).ConfigureAwait(false);
        return new VmdkSeSparseExtent(container, header, directory, context, start, length);
    }

    public override long TableOffset(long table) => _directory[table] switch
    {
        0 => 0,
        BadEntry => -1,
        uint number => TableOffset(_header, number - 1),
    };

    protected override void DecodeTable(ReadOnlySpan<byte> bytes, Span<long> entries)
    {
        long fileLength = Container.Length;
        for (int i = 0; i < entries.Length; i++)
        {
            entries[i] = DecodeEntry(BinaryPrimitives.ReadUInt64LittleEndian(bytes[(i * sizeof(ulong))..]), fileLength);
        }
    }

    private static long TableOffset(VmdkSeSparseHeader header, uint number) =>
        ((long)header.TablesSector + ((long)number * (long)header.TableSectors)) * VmdkConstants.SectorSize;

    // The state is in the top four bits: 0 none, 1 unmapped by the guest, 2 zero, 3 a grain, whose number is in two pieces.
    private long DecodeEntry(ulong entry, long fileLength)
    {
        switch (entry & StateMask)
        {
            case 0:
                return entry == 0 ? VmdkTablePage.Unmapped : VmdkTablePage.Bad;
            case 0x1000_0000_0000_0000:
            case 0x2000_0000_0000_0000:
                return VmdkTablePage.Zero;
            case 0x3000_0000_0000_0000:
                ulong grain = ((entry & 0x0FFF_0000_0000_0000) >> 48) | ((entry & 0x0000_FFFF_FFFF_FFFF) << 12);
                ulong limit = ((ulong)fileLength / VmdkConstants.SectorSize) + 1;
                ulong sector = grain <= limit ? _header.GrainsSector + (grain * _header.GrainSectors) : ulong.MaxValue;
                return sector < limit && (long)sector * VmdkConstants.SectorSize < fileLength ? (long)sector * VmdkConstants.SectorSize : VmdkTablePage.Bad;
            default:
                return VmdkTablePage.Bad;
        }
    }

    private static async ValueTask CheckJournalAsync(VirtualDisk container, VmdkSeSparseHeader header, VmdkDiskContext context, IoMode mode, CancellationToken cancellationToken)
    {
        long fileOffset = (long)header.VolatileHeaderSector * VmdkConstants.SectorSize;
        byte[] bytes = new byte[VmdkConstants.SectorSize];
        int read = await container.ReadAsync(bytes, fileOffset, mode, cancellationToken).ConfigureAwait(false);
        if (read < bytes.Length || BinaryPrimitives.ReadUInt64LittleEndian(bytes) != VmdkConstants.SeSparseVolatileMagic)
        {
            throw new DiskFormatException(VmdkConstants.FormatName, fileOffset, "There is no volatile seSparse header where the constant one says.");
        }

        if (bytes[24] != 0 && !context.Options.IsLenient)
        {
            throw new UnsupportedDiskFeatureException(VmdkConstants.FormatName, fileOffset + 24, "sesparse-journal", "The seSparse extent has a journal that was not replayed. Open it once on its host, or open it leniently and accept its older state.");
        }
    }

    private static async ValueTask ReadDirectoryAsync(VirtualDisk container, long fileOffset, VmdkSeSparseHeader header, uint[] directory, IoMode mode, CancellationToken cancellationToken)
    {
        byte[] rented = ArrayPool<byte>.Shared.Rent(65536);
        try
        {
            for (int done = 0; done < directory.Length;)
            {
                int step = Math.Min(rented.Length / sizeof(ulong), directory.Length - done);
                Memory<byte> bytes = rented.AsMemory(0, step * sizeof(ulong));
                await container.ReadAsync(bytes, fileOffset + ((long)done * sizeof(ulong)), mode, cancellationToken).ConfigureAwait(false);
                for (int i = 0; i < step; i++)
                {
                    directory[done + i] = DecodeDirectoryEntry(BinaryPrimitives.ReadUInt64LittleEndian(bytes.Span[(i * sizeof(ulong))..]), header, container.Length);
                }

                done += step;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private static uint DecodeDirectoryEntry(ulong entry, VmdkSeSparseHeader header, long fileLength)
    {
        if (entry == 0)
        {
            return 0;
        }

        uint number = (uint)entry;
        ulong tables = header.TablesSectors / header.TableSectors;
        bool isValid = (entry & 0xFFFF_FFFF_0000_0000) == 0x1000_0000_0000_0000 && number < tables && number < BadEntry - 1
            && TableOffset(header, number) < fileLength;
        return isValid ? number + 1 : BadEntry;
    }
}
