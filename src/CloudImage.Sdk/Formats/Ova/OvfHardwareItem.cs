namespace CloudImage.Sdk.Formats.Ova;

/// <summary>One item of a virtual hardware section: a resource allocation of CIM (DSP0243, section 8.3). Immutable.</summary>
public sealed class OvfHardwareItem
{
    /// <summary>Identifies the item within the section.</summary>
    public required string InstanceId { get; init; }

    /// <summary>What it is by CIM's numbers: 3 processors, 4 memory, 5 IDE, 6 SCSI, 10 network, 14 floppy, 15 CD, 17 disk, 20 other storage, 23 USB.</summary>
    public required int ResourceType { get; init; }

    /// <summary>The model, such as "VmxNet3" or "lsilogic".</summary>
    public string? ResourceSubType { get; init; }

    /// <summary>Name for a person.</summary>
    public string? ElementName { get; init; }

    /// <summary>Description for a person.</summary>
    public string? Description { get; init; }

    /// <summary>How many units.</summary>
    public long? VirtualQuantity { get; init; }

    /// <summary>What a unit is, such as "byte * 2^20".</summary>
    public string? AllocationUnits { get; init; }

    /// <summary>Instance of the controller that it hangs on.</summary>
    public string? Parent { get; init; }

    /// <summary>Place on that controller.</summary>
    public string? AddressOnParent { get; init; }

    /// <summary>What backs it, such as "ovf:/disk/vmdisk1".</summary>
    public string? HostResource { get; init; }

    /// <summary>The network that it is connected to.</summary>
    public string? Connection { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"{InstanceId}: {ElementName} (type {ResourceType})";
}
