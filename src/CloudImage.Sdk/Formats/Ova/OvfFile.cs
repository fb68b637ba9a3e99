using System;

namespace CloudImage.Sdk.Formats.Ova;

/// <summary>A file that an OVF descriptor refers to (DSP0243, section 7.1). Immutable.</summary>
public sealed class OvfFile
{
    /// <summary>What disks call the file by.</summary>
    public required string Id { get; init; }

    /// <summary>Name of the file in the package, untrusted.</summary>
    public required string Name { get; init; }

    /// <summary>Length in bytes; null where the descriptor does not say.</summary>
    public long? Length { get; init; }

    /// <summary>Name of the compression: "gzip", or null where there is none.</summary>
    public string? Compression { get; init; }

    /// <summary>Length in bytes of the parts into which the file is cut ("name.000000000" and on); null where it is whole.</summary>
    public long? ChunkLength { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"{Id} = '{Name}'";
}
