namespace CloudImage.Sdk.Formats.GceTar;

/// <summary>How a new GCE image archive is made.</summary>
public sealed class GceTarOptions : DiskCreateOptions
{
    /// <inheritdoc/>
    public override DiskFormat Format => GceTarFormat.Instance;

    /// <summary>Whether a disk that is not a whole number of GiB is made longer with zeros, as Compute Engine imports whole GiB only; otherwise it is refused.</summary>
    /// <value>The default value is <see langword="true"/>.</value>
    public bool RoundUpToGigabyte { get; init; } = true;

    /// <summary>Level of the gzip compression, from 1 (fast) to 9 (small).</summary>
    /// <value>The default value is 6.</value>
    public int CompressionLevel { get; init; } = 6;

    /// <summary>What lengths are rounded up to; tests take less than Compute Engine does.</summary>
    internal long LengthUnit { get; init; } = GceTarConstants.Gigabyte;
}
