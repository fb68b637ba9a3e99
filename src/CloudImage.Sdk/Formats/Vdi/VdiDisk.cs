using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Vdi;

/// <summary>One VDI layer.</summary>
internal sealed class VdiDisk : MappedDisk
{
    private readonly VirtualDisk _container;
    private readonly VdiHeader _header;
    private readonly VdiMap _map;
    private readonly bool _leaveOpen;
    private readonly bool _hasMissingParent;

    private VdiDisk(VirtualDisk container, VdiHeader header, DiskOpenOptions options)
    {
        _container = container;
        _header = header;
        _map = new VdiMap(container, header.MapOffset, header.BlockCount);
        _leaveOpen = options.LeaveOpen;
        _hasMissingParent = header.HasParent && !options.IgnoreMissingParent;
        Length = header.Length;
        Info = Describe(header, container.Length);
    }

    public override DiskInfo Info { get; }

    public override long Length { get; }

    public override bool IsLocal => _container.IsLocal;

    internal VdiHeader Header => _header;

    protected override bool HasMissingParent => _hasMissingParent;

    public static async ValueTask<VirtualDisk> OpenAsync(VirtualDisk container, DiskOpenOptions options, IoMode mode, CancellationToken cancellationToken)
    {
        VdiHeader header = await ReadHeaderAsync(container, options.Limits, mode, cancellationToken).ConfigureAwait(false);
        return new VdiDisk(container, header, options);
    }

    /// <summary>Reads the header and holds it against the file and the limits.</summary>
    public static async ValueTask<VdiHeader> ReadHeaderAsync(VirtualDisk container, DiskReadLimits limits, IoMode mode, CancellationToken cancellationToken)
    {
        byte[] bytes = new byte[VdiHeader.Size];
        int read = await container.ReadAsync(bytes, 0, mode, cancellationToken).ConfigureAwait(false);
        VdiHeader header = VdiHeader.Parse(bytes.AsSpan(0, read));
        if (header.Length > limits.MaxVirtualSize)
        {
            throw new DiskFormatException(VdiConstants.FormatName, 0x170, $"The disk has {header.Length} bytes, more than the limit of {limits.MaxVirtualSize} (DiskReadLimits.MaxVirtualSize).");
        }

        long mapEnd = header.MapOffset + (header.BlockCount * (long)sizeof(uint));
        if (mapEnd > container.Length)
        {
            throw new DiskFormatException(VdiConstants.FormatName, header.MapOffset, $"The map of {header.BlockCount} entries ends at {mapEnd}, beyond the {container.Length} bytes of the file.");
        }

        return header;
    }

    protected override ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        long block = offset / _header.BlockSize;
        return _map.Find(block) is { } entries
            ? ValueTask.FromResult(Locate(entries, block, offset, length))
            : LoadAndLocateAsync(block, offset, length, mode, cancellationToken);
    }

    protected override void Dispose(bool disposing)
    {
        if (!_leaveOpen)
        {
            _container.Dispose();
        }

        base.Dispose(disposing);
    }

    private async ValueTask<DiskPlacement> LoadAndLocateAsync(long block, long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        uint[] entries = await _map.LoadAsync(block, mode, cancellationToken).ConfigureAwait(false);
        return Locate(entries, block, offset, length);
    }

    private DiskPlacement Locate(uint[] entries, long block, long offset, long length)
    {
        int index = (int)(block % VdiMap.EntriesPerPage);
        uint first = entries[index];
        long found = _header.BlockSize - (offset % _header.BlockSize);
        for (int next = index + 1; found < length && next < entries.Length && Continues(first, entries[next], (uint)(next - index)); next++)
        {
            found += _header.BlockSize;
        }

        found = Math.Min(found, length);
        return first switch
        {
            VdiConstants.Unallocated => new DiskPlacement(offset, found, DiskExtentKind.Unmapped),
            VdiConstants.Zero => new DiskPlacement(offset, found, DiskExtentKind.Zero),
            _ => new DiskPlacement(offset, found, DiskExtentKind.Data, FileOffset(first, block, offset), _container, 0, false, 0),
        };
    }

    // Blocks with extra bytes between them are apart in the file, even when they follow each other.
    private bool Continues(uint first, uint entry, uint distance) =>
        first >= VdiConstants.Zero ? entry == first
        : _header.BlockExtra == 0 && entry < VdiConstants.Zero && entry == first + distance;

    private long FileOffset(uint entry, long block, long offset)
    {
        long start = _header.DataOffset + (entry * _header.BlockPitch) + _header.BlockExtra;
        if (start >= _container.Length)
        {
            throw new DiskFormatException(VdiConstants.FormatName, _header.MapOffset + (block * sizeof(uint)), $"The map places block {block} at {start}, beyond the {_container.Length} bytes of the file.");
        }

        return start + (offset % _header.BlockSize);
    }

    private static DiskInfo Describe(VdiHeader header, long containerLength) => new()
    {
        FormatName = VdiConstants.FormatName,
        VirtualSize = header.Length,
        Variant = header.Type switch
        {
            VdiConstants.TypeStatic => "static",
            VdiConstants.TypeUndo => "undo",
            VdiConstants.TypeDifferencing => "differencing",
            _ => "dynamic",
        },
        ContainerLength = containerLength,
        AllocationUnitSize = (int)header.BlockSize,
        Creator = header.Creator.Length == 0 ? null : header.Creator,
        LinkageId = header.Id.ToString("D"),
        References = header.HasParent ? [ParentOf(header)] : [],
        Details = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["id"] = header.Id.ToString("D"),
            ["modificationId"] = header.ModificationId.ToString("D"),
        },
    };

    // The file names no path: VirtualBox keeps a registry of ids. The id is the name that a resolver gets.
    private static DiskReference ParentOf(VdiHeader header) => new(DiskReferenceKind.Parent, $"{{{header.ParentId:D}}}")
    {
        AlternativeNames = [$"{header.ParentId:D}.vdi"],
        FormatName = VdiConstants.FormatName,
        LinkageId = header.ParentId.ToString("D"),
    };
}
