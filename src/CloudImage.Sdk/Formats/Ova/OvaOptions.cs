namespace CloudImage.Sdk.Formats.Ova;

/// <summary>How a new OVA package is made: the virtual machine around the disk. Immutable.</summary>
public sealed class OvaOptions : DiskCreateOptions
{
    /// <inheritdoc/>
    public override DiskFormat Format => OvaFormat.Instance;

    /// <summary>Name of the machine; names of the files are made from it.</summary>
    /// <value>The default value is <see langword="null"/>: the name of the file without its extension, or "disk".</value>
    public string? Name { get; init; }

    /// <summary>Version of VMware's virtual hardware, the number in "vmx-13".</summary>
    /// <value>The default value is 13, which ESXi 6.5 and later run.</value>
    public int HardwareVersion { get; init; } = 13;

    /// <summary>Number of processors.</summary>
    /// <value>The default value is 2.</value>
    public int ProcessorCount { get; init; } = 2;

    /// <summary>Memory in MiB.</summary>
    /// <value>The default value is 2048.</value>
    public int MemoryInMebibytes { get; init; } = 2048;

    /// <summary>The guest operating system as VMware names it.</summary>
    /// <value>The default value is "otherLinux64Guest".</value>
    public string OperatingSystem { get; init; } = "otherLinux64Guest";

    /// <summary>The guest operating system by CIM's number.</summary>
    /// <value>The default value is 101: Linux, 64 bit.</value>
    public int OperatingSystemId { get; init; } = 101;

    /// <summary>The firmware: "bios" or "efi".</summary>
    /// <value>The default value is "bios".</value>
    public string Firmware { get; init; } = "bios";

    /// <summary>Model of the SCSI controller: "lsilogic", "lsilogicsas" or "VirtualSCSI" (paravirtual).</summary>
    /// <value>The default value is "lsilogic".</value>
    public string ScsiController { get; init; } = "lsilogic";

    /// <summary>Model of the network adapter: "VmxNet3", "E1000" or "E1000e"; null for no network.</summary>
    /// <value>The default value is "VmxNet3".</value>
    public string? NetworkAdapter { get; init; } = "VmxNet3";

    /// <summary>How many bytes of compressed disk may be kept in a temporary file while a package is written to a pipe.</summary>
    /// <value>The default value is 1 TiB.</value>
    public long MaxSpoolLength { get; init; } = 1L << 40;
}
