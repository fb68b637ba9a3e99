using System;
using System.Buffers.Binary;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>An ESX sparse extent ("COWD", vmfsSparse): what ESXi writes for snapshots. Tables of 4096 entries, no redundant directory.</summary>
internal sealed class VmdkCowdExtent : VmdkSparseExtent
{
    public const int HeaderSize = 2048;
    private const int EntriesPerCowdTable = 4096;
    private readonly VmdkDirectory _directory;

    private VmdkCowdExtent(VirtualDisk container, VmdkDirectory directory, VmdkDiskContext context, long start, long length, long grainSize)
        : base(container, context.Tables, start, length, grainSize, EntriesPerCowdTable, sizeof(uint)) => _directory = directory;

    public override long TableCount => _directory.Count;

    public static bool HasMagic(ReadOnlySpan<byte> bytes) =>
        bytes.Length >= 4 && BinaryPrimitives.ReadUInt32LittleEndian(bytes) == VmdkConstants.CowdMagic;

    /// <summary>Length of the extent in bytes, from the first sector of its file.</summary>
    public static long LengthOf(ReadOnlySpan<byte> header) =>
        BinaryPrimitives.ReadUInt32LittleEndian(header[12..]) * (long)VmdkConstants.SectorSize;

    /// <summary>Opens an extent whose first sector was read; reads the directory.</summary>
    public static async ValueTask<VmdkCowdExtent> OpenAsync(VirtualDisk container, ReadOnlyMemory<byte> header, VmdkDiskContext context, long start, long length, IoMode mode, CancellationToken cancellationToken)
    {
        uint version = BinaryPrimitives.ReadUInt32LittleEndian(header.Span[4..]);
        uint grainSectors = BinaryPrimitives.ReadUInt32LittleEndian(header.Span[16..]);
        uint directorySector = BinaryPrimitives.ReadUInt32LittleEndian(header.Span[20..]);
        uint directoryCount = BinaryPrimitives.ReadUInt32LittleEndian(header.Span[24..]);
        if (version != 1)
        {
            throw new UnsupportedDiskFeatureException(VmdkConstants.FormatName, 4, $"cowd-version-{version}", $"The ESX sparse extent has version {version}; version 1 is known.");
        }

        if (grainSectors == 0 || grainSectors > VmdkConstants.MaxGrainSize / VmdkConstants.SectorSize)
        {
            throw new DiskFormatException(VmdkConstants.FormatName, 16, $"The grain has {grainSectors} sectors; 1 to 2097152 were expected.");
        }

        long grainSize = grainSectors * (long)VmdkConstants.SectorSize;
        long needed = (LengthOf(header.Span) + (grainSize * EntriesPerCowdTable) - 1) / (grainSize * EntriesPerCowdTable);
        if (directoryCount < needed)
        {
            throw new DiskFormatException(VmdkConstants.FormatName, 24, $"The grain directory has {directoryCount} entries; the extent needs {needed}.");
        }

        VmdkDirectory directory = await VmdkDirectory.ReadAsync(
            container, directorySector * (long)VmdkConstants.SectorSize, 0, needed, EntriesPerCowdTable * sizeof(uint), context.Limits, mode, cancellationToken).ConfigureAwait(false);
        context.Spend(needed * sizeof(uint));
        return new VmdkCowdExtent(container, directory, context, start, length, grainSize);
    }

    public override long TableOffset(long table) => _directory.TableOffset(table);

    protected override void DecodeTable(ReadOnlySpan<byte> bytes, Span<long> entries)
    {
        long fileLength = Container.Length;
        for (int i = 0; i < entries.Length; i++)
        {
            uint entry = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(i * sizeof(uint))..]);
            long fileOffset = entry * (long)VmdkConstants.SectorSize;
            entries[i] = entry switch
            {
                0 => VmdkTablePage.Unmapped,
                VmdkConstants.ZeroedGrain => VmdkTablePage.Zero,
                _ => fileOffset < fileLength ? fileOffset : VmdkTablePage.Bad,
            };
        }
    }
}
