using CloudImage.Sdk.Formats;

namespace CloudImage.Sdk;

/// <summary>What a program that uses dependency injection sets once for all images that it opens.</summary>
public sealed class CloudImageOptions
{
    /// <summary>What reading an image may cost.</summary>
    /// <value>The default value is <see cref="DiskReadLimits.Untrusted"/>.</value>
    public DiskReadLimits Limits { get; set; } = DiskReadLimits.Untrusted;

    /// <summary>Opens the files that images name; null opens none.</summary>
    /// <value>The default value is <see langword="null"/>.</value>
    public BackingFileResolver? References { get; set; }

    /// <summary>Whether a file in which no format is detected is taken as raw.</summary>
    /// <value>The default value is <see langword="true"/>.</value>
    public bool AllowRawFallback { get; set; } = true;
}
