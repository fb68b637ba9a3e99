namespace CloudImage.Sdk.Formats;

/// <summary>How a disk is resized. Immutable.</summary>
public sealed class DiskResizeOptions
{
    /// <summary>The defaults: a disk only grows, or loses a tail that holds no data.</summary>
    public static DiskResizeOptions Default { get; } = new();

    /// <summary>Whether a disk may be cut although data lies behind its new end.</summary>
    /// <value>The default value is <see langword="false"/>.</value>
    public bool AllowDataLoss { get; init; }

    /// <summary>What reading the image may cost.</summary>
    /// <value>The default value is <see cref="DiskReadLimits.Untrusted"/>.</value>
    public DiskReadLimits Limits { get; init; } = DiskReadLimits.Untrusted;
}
