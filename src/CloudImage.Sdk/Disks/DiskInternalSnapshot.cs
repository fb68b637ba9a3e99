using System;

namespace CloudImage.Sdk.Disks;

/// <summary>A snapshot that a container keeps of its own disk (qcow2).</summary>
public sealed class DiskInternalSnapshot
{
    /// <summary>The container's identifier of the snapshot.</summary>
    public required string Id { get; init; }

    /// <summary>The name that a person gave it.</summary>
    public required string Name { get; init; }

    /// <summary>Length of the disk at that time, in bytes.</summary>
    public required long VirtualSize { get; init; }

    /// <summary>When it was taken, by the clock of the program that took it.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>Bytes of virtual machine state stored with it.</summary>
    public long MachineStateSize { get; init; }
}
