using System;

namespace CloudImage.Sdk.Formats.Ova;

/// <summary>A virtual disk that an OVF descriptor lists (DSP0243, section 9.1). Immutable.</summary>
public sealed class OvfDisk
{
    /// <summary>What the hardware section calls the disk by.</summary>
    public required string Id { get; init; }

    /// <summary>Length of the disk in bytes.</summary>
    public required long Capacity { get; init; }

    /// <summary>The file that holds its content; null for a disk that starts empty.</summary>
    public OvfFile? File { get; init; }

    /// <summary>The identifier of its format, a URI; null where the descriptor does not say.</summary>
    public string? FormatUri { get; init; }

    /// <summary>Bytes of the disk that are used; null where the descriptor does not say.</summary>
    public long? PopulatedLength { get; init; }

    /// <summary>Id of the disk of which this one holds the difference; null for a disk of its own.</summary>
    public string? ParentId { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"{Id} ({File?.Name ?? "empty"}, {Capacity} bytes)";
}
