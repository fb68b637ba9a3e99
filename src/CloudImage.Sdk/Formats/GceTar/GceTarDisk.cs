using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats.Archives;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.GceTar;

/// <summary>The disk of a GCE image archive, read at any position.</summary>
internal sealed class GceTarDisk : MappedDisk
{
    private readonly VirtualDisk _container;
    private readonly GzipReader _reader;
    private readonly TarMember _member;
    private readonly bool _leaveOpen;

    public GceTarDisk(VirtualDisk container, GzipReader reader, TarMember member, bool leaveOpen)
    {
        _container = container;
        _reader = reader;
        _member = member;
        _leaveOpen = leaveOpen;
        Info = Describe(member, container.Length, reader.HasSizedMembers);
    }

    public override DiskInfo Info { get; }

    public override long Length => _member.Length;

    public override bool IsLocal => _container.IsLocal;

    internal static DiskInfo Describe(TarMember member, long? containerLength, bool hasSizedMembers)
    {
        List<string> features = ["gzip"];
        if (member.SparseMap is not null)
        {
            features.Add("sparse");
        }

        if (hasSizedMembers)
        {
            features.Add("random-access");
        }

        return new DiskInfo
        {
            FormatName = GceTarConstants.Name,
            Variant = member.SparseMap is null ? "plain" : "sparse",
            VirtualSize = member.Length,
            ContainerLength = containerLength,
            AllocationUnitSize = hasSizedMembers ? GceTarConstants.BlockSize : 0,
            Features = features,
        };
    }

    protected override ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        (DiskExtentKind kind, long count, long stored) = _member.SparseMap is { } map
            ? map.Find(offset, length)
            : (DiskExtentKind.Data, length, offset);
        return ValueTask.FromResult(kind == DiskExtentKind.Data
            ? new DiskPlacement(offset, count, kind, -1, null, (ulong)stored, true, 0)
            : new DiskPlacement(offset, count, kind));
    }

    protected override async ValueTask ReadEncodedAsync(DiskPlacement placement, Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        long plainOffset = _member.DataOffset + (long)placement.Token;
        int count = await _reader.ReadAsync(buffer, plainOffset, mode, cancellationToken).ConfigureAwait(false);
        if (count < buffer.Length)
        {
            throw new DiskFormatException(GceTarConstants.Name, plainOffset + count, "The archive ends within the disk (the position is that in the plain archive).");
        }
    }

    protected override void Dispose(bool disposing)
    {
        _reader.Dispose();
        if (!_leaveOpen)
        {
            _container.Dispose();
        }

        base.Dispose(disposing);
    }
}
