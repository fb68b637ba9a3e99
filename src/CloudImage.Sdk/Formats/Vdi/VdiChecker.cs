using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vdi;

/// <summary>Checks the map of a VDI: every block within the file and used once, and as many as the header says.</summary>
internal sealed class VdiChecker
{
    private readonly VdiHeader _header;
    private readonly VirtualDisk _container;
    private readonly DiskReadLimits _limits;
    private readonly List<DiskProblem> _problems = [];
    private readonly ulong[] _used;
    private readonly long _slots;
    private long _allocated;
    private long _end;
    private bool _isTruncated;

    private VdiChecker(VdiHeader header, VirtualDisk container, DiskReadLimits limits)
    {
        _header = header;
        _container = container;
        _limits = limits;

        // No block lies behind the end of the file, so that its length bounds the memory for the set of used ones.
        _slots = Math.Max(0, (container.Length - header.DataOffset + header.BlockPitch - 1) / header.BlockPitch);
        if (_slots / 8 > limits.MaxMetadataMemory)
        {
            throw new DiskFormatException(VdiConstants.FormatName, 0x158, $"Checking {_slots} blocks needs more than {limits.MaxMetadataMemory} bytes (DiskReadLimits.MaxMetadataMemory).");
        }

        _used = new ulong[(_slots + 63) / 64];
        _end = header.DataOffset;
    }

    public static async ValueTask<DiskCheckResult> CheckAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        VdiHeader header = await VdiDisk.ReadHeaderAsync(container, options.Limits, mode, cancellationToken).ConfigureAwait(false);
        VdiChecker checker = new(header, container, options.Limits);
        await checker.CheckMapAsync(mode, cancellationToken).ConfigureAwait(false);
        return checker.Finish();
    }

    private async ValueTask CheckMapAsync(IoMode mode, CancellationToken cancellationToken)
    {
        VdiMap map = new(_container, _header.MapOffset, _header.BlockCount);
        for (long block = 0; block < _header.BlockCount; block += VdiMap.EntriesPerPage)
        {
            cancellationToken.ThrowIfCancellationRequested();
            uint[] entries = await map.LoadAsync(block, mode, cancellationToken).ConfigureAwait(false);
            for (int i = 0; i < entries.Length; i++)
            {
                if (entries[i] < VdiConstants.Zero)
                {
                    CheckEntry(block + i, entries[i]);
                }
            }
        }
    }

    private void CheckEntry(long block, uint entry)
    {
        long entryOffset = _header.MapOffset + (block * sizeof(uint));
        long start = _header.DataOffset + (entry * _header.BlockPitch);
        _allocated++;
        if (entry >= _header.BlockCount || entry >= _slots)
        {
            Add(DiskProblemKind.Corruption, entryOffset, $"Block {block} is in place {entry}; the disk has {_header.BlockCount} blocks, and the file room for {_slots}.");
            return;
        }

        if ((_used[entry / 64] >> (int)(entry % 64) & 1) != 0)
        {
            Add(DiskProblemKind.Corruption, entryOffset, $"Block {block} is in place {entry}, which another block uses too.");
        }

        _used[entry / 64] |= 1UL << (int)(entry % 64);
        _end = Math.Max(_end, Math.Min(_container.Length, start + _header.BlockPitch));
    }

    private DiskCheckResult Finish()
    {
        if (_allocated != _header.AllocatedCount)
        {
            Add(DiskProblemKind.Corruption, 0x184, $"The header counts {_header.AllocatedCount} allocated blocks, the map {_allocated}.");
        }

        if (_header.DiskSize % VdiConstants.SectorSize != 0)
        {
            Add(DiskProblemKind.Warning, 0x170, $"The length of the disk, {_header.DiskSize} bytes, is no multiple of a sector.");
        }

        return new DiskCheckResult
        {
            Problems = _problems,
            IsTruncated = _isTruncated,
            AllocatedUnits = _allocated,
            TotalUnits = _header.BlockCount,
            ImageEndOffset = _end,
        };
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
