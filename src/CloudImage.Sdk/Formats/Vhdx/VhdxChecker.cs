using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vhdx;

/// <summary>Checks headers, log, region tables and block table of an image: checksums, places out of the file, overlaps, space that nothing refers to.</summary>
internal sealed class VhdxChecker
{
    private const ulong OffsetMask = 0xFFFFFFFFFFF00000;
    private readonly VirtualDisk _container;
    private readonly VhdxImage _image;
    private readonly ProblemList _problems;
    private readonly List<(long Start, long End)> _places = [];
    private long _allocated;

    private VhdxChecker(VirtualDisk container, VhdxImage image, DiskReadLimits limits)
    {
        _container = container;
        _image = image;
        _problems = new ProblemList(limits.MaxListEntries);
    }

    public static async ValueTask<DiskCheckResult> CheckAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        DiskOpenOptions lenient = new() { IsLenient = true, LeaveOpen = true, Limits = options.Limits };
        VhdxImage image = await VhdxImage.LoadAsync(container, lenient, mode, cancellationToken).ConfigureAwait(false);
        VhdxChecker checker = new(container, image, options.Limits);
        await checker.CheckHeadersAsync(mode, cancellationToken).ConfigureAwait(false);
        await checker.CheckRegionTablesAsync(mode, cancellationToken).ConfigureAwait(false);
        await checker.CheckTableAsync(options.Limits, mode, cancellationToken).ConfigureAwait(false);
        return checker.Finish();
    }

    private async ValueTask CheckHeadersAsync(IoMode mode, CancellationToken cancellationToken)
    {
        if (_image.Recovery is { } recovery)
        {
            _problems.Add(DiskProblemKind.Corruption, _image.Header.FileOffset, $"{recovery}.");
        }

        byte[] bytes = new byte[VhdxConstants.HeaderLength];
        foreach (int offset in (int[])[VhdxConstants.Header1Offset, VhdxConstants.Header2Offset])
        {
            await _container.ReadAsync(bytes, offset, mode, cancellationToken).ConfigureAwait(false);
            if (VhdxHeader.Read(bytes, offset) is null)
            {
                // Two headers exist so that one may be lost while it is written; the file is whole without it.
                _problems.Add(DiskProblemKind.Warning, offset, "the header has no right signature and checksum; the other one is used.");
            }
        }

        if (_image.ReplayedEntries.Count > 0)
        {
            _problems.Add(DiskProblemKind.Corruption, (long)_image.Header.LogOffset, $"the log holds {_image.ReplayedEntries.Count} entries that are not replayed: the file is not consistent without them. Reading replays them in memory; a program that writes to the image replays them in the file.");
        }

        if (_image.Header.LogLength > 0 && (long)_image.Header.LogOffset + _image.Header.LogLength > _image.Container.Length)
        {
            _problems.Add(DiskProblemKind.Corruption, _image.Header.FileOffset + 72, $"the log at {_image.Header.LogOffset} with {_image.Header.LogLength} bytes leaves the file of {_image.Container.Length} bytes.");
        }
    }

    private async ValueTask CheckRegionTablesAsync(IoMode mode, CancellationToken cancellationToken)
    {
        byte[] first = new byte[VhdxConstants.RegionTableLength];
        byte[] second = new byte[VhdxConstants.RegionTableLength];
        await _image.Container.ReadAsync(first, VhdxConstants.RegionTable1Offset, mode, cancellationToken).ConfigureAwait(false);
        await _image.Container.ReadAsync(second, VhdxConstants.RegionTable2Offset, mode, cancellationToken).ConfigureAwait(false);
        bool isFirstValid = VhdxRegionTable.IsValid(first);
        bool isSecondValid = VhdxRegionTable.IsValid(second);
        if (!isFirstValid)
        {
            // Some programs read the first table only.
            _problems.Add(DiskProblemKind.Corruption, VhdxConstants.RegionTable1Offset, "the region table has no right signature and checksum; its copy is used.");
        }
        else if (!isSecondValid)
        {
            _problems.Add(DiskProblemKind.Warning, VhdxConstants.RegionTable2Offset, "the copy of the region table has no right signature and checksum.");
        }
        else if (!first.AsSpan().SequenceEqual(second))
        {
            _problems.Add(DiskProblemKind.Warning, VhdxConstants.RegionTable2Offset, "the region table and its copy differ; the first holds.");
        }
    }

    private async ValueTask CheckTableAsync(DiskReadLimits limits, IoMode mode, CancellationToken cancellationToken)
    {
        byte[] page = new byte[65536];
        long length = _image.Layout.EntryCount * 8;
        long maxPlaces = limits.MaxMetadataMemory / 16;
        for (long done = 0; done < length; done += page.Length)
        {
            int count = (int)Math.Min(page.Length, length - done);
            await _image.Container.ReadAsync(page.AsMemory(0, count), _image.BatRegion.FileOffset + done, mode, cancellationToken).ConfigureAwait(false);
            for (int index = 0; index < count; index += 8)
            {
                CheckEntry((done + index) / 8, BinaryPrimitives.ReadUInt64LittleEndian(page.AsSpan(index)));
            }

            if (_places.Count > maxPlaces)
            {
                throw VhdxImage.Fault(_image.BatRegion.FileOffset, $"more than {maxPlaces} blocks are stored; checking them takes more memory than the limit of {limits.MaxMetadataMemory} bytes (DiskReadLimits.MaxMetadataMemory).");
            }
        }
    }

    private void CheckEntry(long index, ulong entry)
    {
        long entryOffset = _image.BatRegion.FileOffset + (index * 8);
        VhdxBlockState state = (VhdxBlockState)(entry & 7);
        bool isBitmap = _image.Layout.IsBitmapEntry(index);
        bool hasParent = _image.Metadata.HasParent;
        bool isKnown = isBitmap
            ? state is VhdxBlockState.NotPresent or VhdxBlockState.FullyPresent
            : state is not (VhdxBlockState)4 && (state != VhdxBlockState.PartiallyPresent || hasParent);
        if (!isKnown)
        {
            _problems.Add(DiskProblemKind.Corruption, entryOffset, $"entry {index} of the block table has the state {(int)state} (0x{entry:x16}).");
            return;
        }

        if (state is not (VhdxBlockState.FullyPresent or VhdxBlockState.PartiallyPresent))
        {
            return;
        }

        _allocated += isBitmap ? 0 : 1;
        long start = (long)(entry & OffsetMask);
        int size = isBitmap ? VhdxConstants.MiB : _image.Metadata.BlockSize;
        bool isLast = !isBitmap && index == _image.Layout.EntryOf(_image.Layout.BlockCount - 1);
        long end = start + size;
        if (start < VhdxConstants.MiB || start >= _image.Container.Length || (end > _image.Container.Length && !isLast))
        {
            _problems.Add(DiskProblemKind.Corruption, entryOffset, $"entry {index} of the block table places {size} bytes at {start}, in a file of {_image.Container.Length}.");
            return;
        }

        _places.Add((start, end));
    }

    private DiskCheckResult Finish()
    {
        List<(long Start, long End)> taken = [.. _places, (0, VhdxConstants.MiB)];
        foreach (VhdxRegion region in _image.Regions)
        {
            taken.Add((region.FileOffset, region.End));
        }

        if (_image.Header.LogLength > 0)
        {
            taken.Add(((long)_image.Header.LogOffset, (long)_image.Header.LogOffset + _image.Header.LogLength));
        }

        taken.Sort();
        long end = 0;
        foreach ((long start, long placeEnd) in taken)
        {
            if (start < end)
            {
                _problems.Add(DiskProblemKind.Corruption, start, $"what lies at {start} overlaps what ends at {end}.");
            }
            else if (start > end)
            {
                _problems.Add(DiskProblemKind.Leak, end, $"{start - end} bytes at {end} belong to nothing.");
            }

            end = Math.Max(end, placeEnd);
        }

        if (end < _image.Container.Length)
        {
            _problems.Add(DiskProblemKind.Leak, end, $"{_image.Container.Length - end} bytes at the end of the file belong to nothing.");
        }

        return new DiskCheckResult
        {
            Problems = _problems.Problems,
            IsTruncated = _problems.IsTruncated,
            AllocatedUnits = _allocated,
            TotalUnits = _image.Layout.BlockCount,
            ImageEndOffset = Math.Min(end, _image.Container.Length),
        };
    }
}
