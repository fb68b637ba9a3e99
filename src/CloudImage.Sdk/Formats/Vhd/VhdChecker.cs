using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vhd;

/// <summary>Checks footers, header and block table of an image: checksums, places out of the file, overlaps, space that nothing refers to.</summary>
internal sealed class VhdChecker
{
    private readonly VirtualDisk _container;
    private readonly VhdImage _image;
    private readonly ProblemList _problems;
    private readonly List<(long Start, long End, string What)> _structures = [];

    private VhdChecker(VirtualDisk container, VhdImage image, DiskReadLimits limits)
    {
        _container = container;
        _image = image;
        _problems = new ProblemList(limits.MaxListEntries);
    }

    public static async ValueTask<DiskCheckResult> CheckAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        VhdImage image = await VhdImage.LoadAsync(container, true, options.Limits, mode, cancellationToken).ConfigureAwait(false);
        VhdChecker checker = new(container, image, options.Limits);
        return image.Header is null
            ? checker.CheckFixed()
            : await checker.CheckDynamicAsync(options.Limits, mode, cancellationToken).ConfigureAwait(false);
    }

    private DiskCheckResult CheckFixed()
    {
        CheckRecovery();
        if (_image.Length > _image.FooterOffset)
        {
            _problems.Add(DiskProblemKind.Corruption, _image.FooterOffset, $"the disk has {_image.Length} bytes and only {_image.FooterOffset} lie before the footer.");
        }
        else if (_image.Length < _image.FooterOffset)
        {
            _problems.Add(DiskProblemKind.Leak, _image.Length, $"{_image.FooterOffset - _image.Length} bytes lie between the end of the disk and the footer.");
        }

        return Result(0, 0, _image.FileLength);
    }

    private async ValueTask<DiskCheckResult> CheckDynamicAsync(DiskReadLimits limits, IoMode mode, CancellationToken cancellationToken)
    {
        CheckRecovery();
        await CheckCopyAsync(mode, cancellationToken).ConfigureAwait(false);
        AddStructures();
        if (_image.BlockCount * 8 > limits.MaxMetadataMemory)
        {
            throw VhdImage.Fault(_image.TableOffset, $"the block table has {_image.BlockCount} entries; checking them takes more memory than the limit of {limits.MaxMetadataMemory} bytes (DiskReadLimits.MaxMetadataMemory).");
        }

        List<long> blocks = await ReadTableAsync(mode, cancellationToken).ConfigureAwait(false);
        blocks.Sort();
        return Result(blocks.Count, _image.BlockCount, CheckPlaces(blocks));
    }

    private void CheckRecovery()
    {
        if (_image.Recovery is { } recovery)
        {
            _problems.Add(DiskProblemKind.Corruption, _image.FooterOffset, $"{recovery}.");
        }
    }

    private async ValueTask CheckCopyAsync(IoMode mode, CancellationToken cancellationToken)
    {
        byte[] bytes = new byte[VhdConstants.FooterLength];
        await _container.ReadAsync(bytes, 0, mode, cancellationToken).ConfigureAwait(false);
        VhdFooter? copy = VhdFooter.Read(bytes);
        if (copy is null || !copy.IsChecksumValid)
        {
            _problems.Add(DiskProblemKind.Corruption, 0, copy is null ? "the copy of the footer at the start is missing." : "the checksum of the footer's copy at the start is wrong.");
        }
        else if (copy.CurrentSize != _image.Footer.CurrentSize || copy.UniqueId != _image.Footer.UniqueId || copy.Type != _image.Footer.Type || copy.DataOffset != _image.Footer.DataOffset)
        {
            _problems.Add(DiskProblemKind.Corruption, 0, "the footer and its copy at the start describe different disks, as after a resize that was cut off; the one at the end holds.");
        }
    }

    private void AddStructures()
    {
        AddStructure(0, VhdConstants.FooterLength, "the copy of the footer");
        AddStructure((long)_image.Footer.DataOffset, VhdConstants.DynamicHeaderLength, "the dynamic header");
        AddStructure(_image.TableOffset, _image.BlockCount * 4, "the block table");
        AddStructure(_image.FooterOffset, _image.FileLength - _image.FooterOffset, "the footer");
        foreach (VhdParentLocator locator in _image.Header!.Locators)
        {
            AddStructure((long)Math.Min(locator.FileOffset, long.MaxValue / 2), locator.Length, "a parent locator");
        }
    }

    private void AddStructure(long start, long length, string what)
    {
        if (what == "the footer" && _image.FooterOffset == 0)
        {
            return;
        }

        foreach ((long otherStart, long otherEnd, string other) in _structures)
        {
            if (start < otherEnd && otherStart < start + length)
            {
                _problems.Add(DiskProblemKind.Corruption, start, $"{what} overlaps {other}.");
            }
        }

        _structures.Add((start, start + length, what));
    }

    private async ValueTask<List<long>> ReadTableAsync(IoMode mode, CancellationToken cancellationToken)
    {
        List<long> blocks = [];
        byte[] page = new byte[65536];
        long blockLength = (long)_image.BitmapLength + _image.BlockSize;
        for (long first = 0; first < _image.BlockCount; first += page.Length / 4)
        {
            int count = (int)Math.Min(page.Length / 4, _image.BlockCount - first);
            await _container.ReadAsync(page.AsMemory(0, count * 4), _image.TableOffset + (first * 4), mode, cancellationToken).ConfigureAwait(false);
            for (int index = 0; index < count; index++)
            {
                uint entry = BinaryPrimitives.ReadUInt32BigEndian(page.AsSpan(index * 4));
                if (entry == VhdConstants.UnallocatedEntry)
                {
                    continue;
                }

                long start = (long)entry * VhdConstants.SectorSize;
                if (start + blockLength > _image.FileLength)
                {
                    _problems.Add(DiskProblemKind.Corruption, _image.TableOffset + ((first + index) * 4), $"block {first + index} at {start} with its {blockLength} bytes leaves the file of {_image.FileLength} bytes.");
                }

                blocks.Add(start);
            }
        }

        return blocks;
    }

    /// <summary>Finds overlaps and gaps; returns where the last thing in use ends.</summary>
    private long CheckPlaces(List<long> blocks)
    {
        long blockLength = (long)_image.BitmapLength + _image.BlockSize;
        long end = 0;
        for (int index = 0; index < blocks.Count; index++)
        {
            long start = blocks[index];
            if (index > 0 && start < blocks[index - 1] + blockLength)
            {
                _problems.Add(DiskProblemKind.Corruption, start, $"the block at {start} overlaps the one at {blocks[index - 1]}.");
            }

            foreach ((long from, long to, string what) in _structures)
            {
                if (start < to && from < start + blockLength)
                {
                    _problems.Add(DiskProblemKind.Corruption, start, $"the block at {start} overlaps {what}.");
                }
            }

            // Producers align blocks up to 4 KiB; a gap in which a block would fit is lost.
            long before = index == 0 ? EndOfStructuresBefore(start) : blocks[index - 1] + blockLength;
            if (start - before >= blockLength)
            {
                _problems.Add(DiskProblemKind.Leak, before, $"{start - before} bytes before the block at {start} belong to nothing.");
            }

            end = Math.Max(end, start + blockLength);
        }

        end = Math.Max(end, EndOfStructuresBefore(_image.FooterOffset));
        if (_image.FooterOffset - end >= blockLength)
        {
            _problems.Add(DiskProblemKind.Leak, end, $"{_image.FooterOffset - end} bytes before the footer belong to nothing.");
        }

        return Math.Max(end, _image.FooterOffset == 0 ? 0 : _image.FileLength);
    }

    private long EndOfStructuresBefore(long position)
    {
        long end = 0;
        foreach ((long _, long to, string _) in _structures)
        {
            end = to <= position ? Math.Max(end, to) : end;
        }

        return end;
    }

    private DiskCheckResult Result(long allocated, long total, long end) => new()
    {
        Problems = _problems.Problems,
        IsTruncated = _problems.IsTruncated,
        AllocatedUnits = allocated,
        TotalUnits = total,
        ImageEndOffset = end,
    };
}
