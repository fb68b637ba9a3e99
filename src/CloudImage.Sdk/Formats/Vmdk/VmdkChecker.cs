using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>Checks the tables of a VMDK: every pointer within the file, no place used twice, twins in step, markers where they belong.</summary>
/// <remarks>Extents in other files are checked where <see cref="DiskOpenOptions.References"/> opens them.</remarks>
internal sealed class VmdkChecker
{
    private readonly DiskReadLimits _limits;
    private readonly List<DiskProblem> _problems = [];
    private readonly List<VmdkUsedRange> _used = [];
    private long _allocated;
    private long _total;
    private long _compressed;
    private long _end;
    private bool _isTruncated;

    private VmdkChecker(DiskReadLimits limits) => _limits = limits;

    public static async ValueTask<DiskCheckResult> CheckAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        using VmdkDisk disk = (VmdkDisk)await VmdkOpener.OpenAsync(container, options.ForCheck(), mode, cancellationToken).ConfigureAwait(false);
        VmdkChecker checker = new(options.Limits);
        checker.AddDiskProblems(disk);
        foreach (VmdkExtent extent in disk.Extents)
        {
            if (extent is VmdkSparseExtent sparse)
            {
                await checker.CheckExtentAsync(sparse, mode, cancellationToken).ConfigureAwait(false);
            }
        }

        return new DiskCheckResult
        {
            Problems = checker._problems,
            IsTruncated = checker._isTruncated,
            AllocatedUnits = checker._allocated,
            TotalUnits = checker._total,
            CompressedUnits = checker._compressed,
            ImageEndOffset = checker._end,
        };
    }

    private void AddDiskProblems(VmdkDisk disk)
    {
        foreach (DiskConcern concern in disk.Concerns)
        {
            DiskProblemKind kind = concern.Code == "damaged-directory" ? DiskProblemKind.Corruption : DiskProblemKind.Warning;
            Add(kind, 0, concern.Message);
        }

        if (disk.Info.IsDirty && disk.Concerns.Count == 0)
        {
            Add(DiskProblemKind.Warning, 72, "The header says that the image was not closed in order.");
        }
    }

    private async ValueTask CheckExtentAsync(VmdkSparseExtent extent, IoMode mode, CancellationToken cancellationToken)
    {
        _used.Clear();
        _total += (extent.Length + extent.GrainSize - 1) / extent.GrainSize;
        HashSet<long> tables = [];
        for (long table = 0; table < extent.TableCount; table++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            long fileOffset = extent.TableOffset(table);
            if (fileOffset < 0)
            {
                Add(DiskProblemKind.Corruption, 0, $"The grain directory entry {table} points outside the file.");
            }
            else if (fileOffset > 0 && !tables.Add(fileOffset))
            {
                // Walking one table again and again is what a hostile file would ask for.
                Add(DiskProblemKind.Corruption, fileOffset, $"The grain directory entry {table} names a table that another entry names too.");
            }
            else if (fileOffset > 0)
            {
                Use(fileOffset, extent.TableSize);
                await CheckTableAsync(extent, table, fileOffset, mode, cancellationToken).ConfigureAwait(false);
            }
        }

        AddMetadata(extent);
        CheckOverlaps(extent);
    }

    private async ValueTask CheckTableAsync(VmdkSparseExtent extent, long table, long fileOffset, IoMode mode, CancellationToken cancellationToken)
    {
        if (extent.Container.IsLocal && await IsHoleAsync(extent, fileOffset, mode, cancellationToken).ConfigureAwait(false))
        {
            return;
        }

        long[] entries = await extent.ReadTableAsync(fileOffset, mode, cancellationToken).ConfigureAwait(false);
        long first = table * extent.EntriesPerTable;
        long grains = (extent.Length + extent.GrainSize - 1) / extent.GrainSize;
        int count = (int)Math.Min(entries.Length, grains - first);
        for (int i = 0; i < count; i++)
        {
            if (entries[i] == VmdkTablePage.Bad)
            {
                Add(DiskProblemKind.Corruption, fileOffset + (i * (long)extent.EntrySize), $"The grain table entry of grain {first + i} points outside the file.");
            }
            else if (entries[i] > VmdkTablePage.Zero)
            {
                _allocated++;
                await CheckGrainAsync(extent, first + i, entries[i], mode, cancellationToken).ConfigureAwait(false);
            }
        }

        if (extent is VmdkHostedExtent hosted && hosted.RedundantTableOffset(table) is var twin and > 0 && twin != fileOffset)
        {
            Use(twin, extent.TableSize);
            long[] copy = await extent.ReadTableAsync(twin, mode, cancellationToken).ConfigureAwait(false);
            if (!copy.AsSpan(0, count).SequenceEqual(entries.AsSpan(0, count)))
            {
                Add(DiskProblemKind.Warning, twin, $"The redundant copy of grain table {table} is not in step with it.");
            }
        }
    }

    private static async ValueTask<bool> IsHoleAsync(VmdkSparseExtent extent, long fileOffset, IoMode mode, CancellationToken cancellationToken)
    {
        DiskPlacement placement = await extent.Container.LocateAsync(fileOffset, extent.TableSize, mode, cancellationToken).ConfigureAwait(false);
        return placement.Kind != DiskExtentKind.Data && placement.Length == extent.TableSize;
    }

    private async ValueTask CheckGrainAsync(VmdkSparseExtent extent, long grain, long fileOffset, IoMode mode, CancellationToken cancellationToken)
    {
        if (extent is not VmdkHostedExtent { IsCompressed: true } hosted)
        {
            Use(fileOffset, extent.GrainSize);
            return;
        }

        _compressed++;
        if (!hosted.Header.HasMarkers)
        {
            return;
        }

        byte[] marker = new byte[VmdkConstants.GrainMarkerSize];
        int read = await extent.Container.ReadAsync(marker, fileOffset, mode, cancellationToken).ConfigureAwait(false);
        ulong sector = BinaryPrimitives.ReadUInt64LittleEndian(marker);
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(marker.AsSpan(8));
        if (read < marker.Length || sector != (ulong)grain * hosted.Header.GrainSectors)
        {
            Add(DiskProblemKind.Corruption, fileOffset, $"The marker of grain {grain} names sector {sector}.");
        }
        else if (length == 0 || length > VmdkGrainCodec.MaxEncodedLength((int)extent.GrainSize) || length > extent.Container.Length - fileOffset - marker.Length)
        {
            Add(DiskProblemKind.Corruption, fileOffset + 8, $"The compressed grain {grain} has {length} bytes, which are impossible or beyond the end of the file.");
        }
        else
        {
            Use(fileOffset, marker.Length + length);
        }
    }

    private void AddMetadata(VmdkSparseExtent extent)
    {
        if (extent is not VmdkHostedExtent { Header: var header })
        {
            return;
        }

        Use(0, VmdkHeader.Size);
        long directory = header.DirectoryCount * sizeof(uint);
        UseSectors(header.DirectorySector, directory, extent.Container.Length);
        if ((header.Flags & VmdkHeaderFlags.RedundantDirectory) != 0 && header.RedundantDirectorySector != header.DirectorySector)
        {
            UseSectors(header.RedundantDirectorySector, directory, extent.Container.Length);
        }

        UseSectors(header.DescriptorSector, (long)Math.Min(header.DescriptorSectors, int.MaxValue) * VmdkConstants.SectorSize, extent.Container.Length);
    }

    private void CheckOverlaps(VmdkSparseExtent extent)
    {
        _used.Sort();
        long end = 0;
        long unused = 0;
        foreach (VmdkUsedRange range in _used)
        {
            if (range.Start < end)
            {
                Add(DiskProblemKind.Corruption, range.Start, $"The {range.Length} bytes at {range.Start} are used twice.");
            }
            else if (range.Start - end >= extent.GrainSize)
            {
                unused += range.Start - end;
            }

            end = Math.Max(end, range.Start + range.Length);
        }

        long length = extent.Container.Length;
        if (end > length)
        {
            Add(DiskProblemKind.Warning, length, $"The file ends {end - length} bytes before the end of its last grain, which read as zeros.");
        }
        else if (length - end >= extent.GrainSize)
        {
            unused += length - end;
        }

        _end = Math.Max(_end, Math.Min(end, length));
        bool hasPlainGrains = extent is VmdkHostedExtent { IsCompressed: false };
        if (hasPlainGrains && unused > 0 && !_isTruncated)
        {
            Add(DiskProblemKind.Leak, Math.Min(end, length), $"{unused} bytes of the file are used by nothing.");
        }
    }

    private void UseSectors(ulong sector, long bytes, long fileLength)
    {
        if (sector > 0 && bytes > 0 && sector < (ulong)fileLength / VmdkConstants.SectorSize)
        {
            Use((long)sector * VmdkConstants.SectorSize, bytes);
        }
    }

    private void Use(long start, long length)
    {
        if (_used.Count >= _limits.MaxMetadataMemory / VmdkUsedRange.Size)
        {
            throw new DiskFormatException(VmdkConstants.FormatName, start, $"Checking the grains for overlap needs more than {_limits.MaxMetadataMemory} bytes (DiskReadLimits.MaxMetadataMemory).");
        }

        _used.Add(new VmdkUsedRange(start, length));
    }

    private void Add(DiskProblemKind kind, long fileOffset, string message)
    {
        if (_problems.Count < _limits.MaxListEntries)
        {
            _problems.Add(new DiskProblem(kind, fileOffset, message));
        }
        else
        {
            _isTruncated = true;
        }
    }
}
