using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Formats;

/// <summary>How a new image is made. Each format derives its own options.</summary>
public abstract class DiskCreateOptions
{
    /// <summary>The format that these options belong to.</summary>
    public abstract DiskFormat Format { get; }

    /// <summary>The parent that the new image is to name, for formats with overlays; null makes an image of its own.</summary>
    /// <value>The default value is <see langword="null"/>.</value>
    public DiskReference? Parent { get; init; }
}
