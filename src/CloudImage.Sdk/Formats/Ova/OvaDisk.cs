using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Ova;

/// <summary>A disk of a package, with what the package says around it.</summary>
internal sealed class OvaDisk : VirtualDisk
{
    private const int MaxDetails = 64;
    private readonly OvaPackage _package;
    private readonly VirtualDisk _disk;

    public OvaDisk(OvaPackage package, VirtualDisk disk, long containerLength)
    {
        _package = package;
        _disk = disk;
        Info = Describe(package.Descriptor, package.Manifest.Count > 0, disk.Info, containerLength);
    }

    public override DiskInfo Info { get; }

    public override long Length => _disk.Length;

    public override bool IsLocal => _disk.IsLocal;

    internal static DiskInfo Describe(OvfDescriptor descriptor, bool hasManifest, DiskInfo disk, long? containerLength)
    {
        List<string> features = [disk.FormatName, .. disk.Features];
        if (hasManifest)
        {
            features.Add("manifest");
        }

        return new DiskInfo
        {
            FormatName = OvaConstants.Name,
            Variant = disk.Variant is null ? disk.FormatName : $"{disk.FormatName} {disk.Variant}",
            VirtualSize = disk.VirtualSize,
            ContainerLength = containerLength,
            AllocationUnitSize = disk.AllocationUnitSize,
            LogicalSectorSize = disk.LogicalSectorSize,
            PhysicalSectorSize = disk.PhysicalSectorSize,
            Creator = disk.Creator,
            IsDirty = disk.IsDirty,
            IsEncrypted = disk.IsEncrypted,
            Features = features,
            Details = Details(descriptor),
        };
    }

    protected override int ReadCore(Span<byte> buffer, long offset) => _disk.Read(buffer, offset);

    protected override ValueTask<int> ReadCoreAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken) =>
        _disk.ReadAsync(buffer, offset, mode, cancellationToken);

    protected override ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken) =>
        _disk.LocateAsync(offset, length, mode, cancellationToken);

    protected override void Dispose(bool disposing)
    {
        _disk.Dispose();
        _package.Dispose();
        base.Dispose(disposing);
    }

    private static Dictionary<string, string> Details(OvfDescriptor descriptor)
    {
        Dictionary<string, string> details = new(StringComparer.Ordinal);
        Add(details, "name", descriptor.Name);
        Add(details, "operating-system", descriptor.OperatingSystem);
        Add(details, "hardware-version", descriptor.HardwareVersion);
        Add(details, "processors", descriptor.ProcessorCount?.ToString(CultureInfo.InvariantCulture));
        Add(details, "memory", descriptor.MemoryLength?.ToString(CultureInfo.InvariantCulture));
        foreach ((int index, OvfDisk disk) in descriptor.Disks.Take(MaxDetails).Index())
        {
            Add(details, $"disk-{index}", disk.ToString());
        }

        return details;
    }

    private static void Add(Dictionary<string, string> details, string name, string? value)
    {
        if (!string.IsNullOrEmpty(value))
        {
            details.Add(name, value);
        }
    }
}
