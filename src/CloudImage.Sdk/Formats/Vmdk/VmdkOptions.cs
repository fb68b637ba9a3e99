namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>How a new VMDK image is made. Immutable.</summary>
/// <remarks><see cref="DiskCreateOptions.Parent"/> makes a child: its reference needs the parent's <see cref="Disks.DiskInfo.LinkageId"/> (the content id).</remarks>
public sealed class VmdkOptions : DiskCreateOptions
{
    /// <inheritdoc/>
    public override DiskFormat Format => VmdkFormat.Instance;

    /// <summary>The variant.</summary>
    /// <value>The default value is <see cref="VmdkSubformat.MonolithicSparse"/>.</value>
    public VmdkSubformat Subformat { get; init; }

    /// <summary>The controller that a virtual machine is to use: ide, lsilogic, buslogic or legacyESX.</summary>
    /// <value>The default value is <see langword="null"/>: lsilogic for <see cref="VmdkSubformat.StreamOptimized"/>, else ide.</value>
    public string? AdapterType { get; init; }

    /// <summary>The virtual hardware version that the descriptor names.</summary>
    /// <value>The default value is <see langword="null"/>: 7 for <see cref="VmdkSubformat.StreamOptimized"/>, else 4.</value>
    public int? HardwareVersion { get; init; }

    /// <summary>Whether a grain of zeros over a parent takes no space, by a table entry that older programs do not know.</summary>
    /// <value>The default value is <see langword="false"/>.</value>
    public bool UseZeroedGrains { get; init; }

    /// <summary>The content id that children will name this disk by.</summary>
    /// <value>The default value is <see langword="null"/>: a random one.</value>
    public uint? ContentId { get; init; }
}
