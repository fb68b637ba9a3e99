using System;
using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>One snapshot inside an image.</summary>
internal sealed class Qcow2Snapshot
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public required long L1Offset { get; init; }

    public required int L1Entries { get; init; }

    public required long VirtualSize { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required long MachineStateSize { get; init; }

    public DiskInternalSnapshot Describe() => new()
    {
        Id = Id,
        Name = Name,
        VirtualSize = VirtualSize,
        CreatedAt = CreatedAt,
        MachineStateSize = MachineStateSize,
    };
}
