namespace CloudImage.Sdk.Formats.Raw;

/// <summary>How a new raw image is made.</summary>
public sealed class RawOptions : DiskCreateOptions
{
    /// <inheritdoc/>
    public override DiskFormat Format => RawFormat.Instance;
}
