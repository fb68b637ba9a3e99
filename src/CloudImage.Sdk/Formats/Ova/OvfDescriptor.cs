using System;
using System.Collections.Generic;
using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Formats.Ova;

/// <summary>What an OVF descriptor says of a virtual machine (DSP0243, versions 0.9 to 2): its files, disks and hardware. Immutable.</summary>
/// <remarks>Every text is untrusted. Of a collection of machines the disks of all are listed, and the hardware of the first.</remarks>
public sealed class OvfDescriptor
{
    /// <summary>The files of the package.</summary>
    public IReadOnlyList<OvfFile> Files { get; init; } = [];

    /// <summary>The disks, in the order of the descriptor.</summary>
    public IReadOnlyList<OvfDisk> Disks { get; init; } = [];

    /// <summary>Names of the networks.</summary>
    public IReadOnlyList<string> Networks { get; init; } = [];

    /// <summary>Name of the machine; null where there is none.</summary>
    public string? Name { get; init; }

    /// <summary>The guest operating system: CIM's number (101 is Linux, 64 bit); null where there is none.</summary>
    public int? OperatingSystemId { get; init; }

    /// <summary>The guest operating system for a person, or as VMware names it; null where there is none.</summary>
    public string? OperatingSystem { get; init; }

    /// <summary>The family of virtual hardware, such as "vmx-13" or "virtualbox-2.2"; null where there is none.</summary>
    public string? HardwareVersion { get; init; }

    /// <summary>The items of hardware.</summary>
    public IReadOnlyList<OvfHardwareItem> Hardware { get; init; } = [];

    /// <summary>Number of processors; null where the hardware has no such item.</summary>
    public long? ProcessorCount => Find(3)?.VirtualQuantity;

    /// <summary>Memory in bytes; null where the hardware has no such item, or a unit that is not known.</summary>
    public long? MemoryLength =>
        Find(4) is { VirtualQuantity: { } count } item && OvfUnits.TryParse(item.AllocationUnits, out long unit) && count <= long.MaxValue / unit ? count * unit : null;

    /// <summary>Reads a descriptor. Document types and entities are refused, and nothing outside of it is opened.</summary>
    /// <param name="xml">The bytes of the descriptor.</param>
    /// <param name="limits">How long it may be, and how much it may list.</param>
    /// <returns>The descriptor.</returns>
    /// <exception cref="DiskFormatException">It is no XML, no OVF envelope, or says something impossible.</exception>
    public static OvfDescriptor Parse(ReadOnlyMemory<byte> xml, DiskReadLimits limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        return OvfReader.Read(xml, limits);
    }

    private OvfHardwareItem? Find(int resourceType)
    {
        foreach (OvfHardwareItem item in Hardware)
        {
            if (item.ResourceType == resourceType)
            {
                return item;
            }
        }

        return null;
    }
}
