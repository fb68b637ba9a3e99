using System;

namespace CloudImage.Sdk.Formats.Vdi;

/// <summary>How a new VDI image is made. Immutable.</summary>
public sealed class VdiOptions : DiskCreateOptions
{
    /// <inheritdoc/>
    public override DiskFormat Format => VdiFormat.Instance;

    /// <summary>Whether every block has its place from the start, in order.</summary>
    /// <value>The default value is <see langword="false"/>: blocks are placed when they are written.</value>
    public bool IsStatic { get; init; }

    /// <summary>Unit of allocation in bytes: a power of two from 64 KiB to 256 MiB.</summary>
    /// <value>The default value is 1 MiB, the only one that most programs read.</value>
    public int BlockSize { get; init; } = VdiConstants.DefaultBlockSize;

    /// <summary>The id of the image, by which differencing images name their parent.</summary>
    /// <value>The default value is <see langword="null"/>: a random one.</value>
    public Guid? Id { get; init; }
}
