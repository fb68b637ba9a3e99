namespace CloudImage.Sdk.Formats;

/// <summary>How bad a problem of an image's metadata is.</summary>
public enum DiskProblemKind
{
    /// <summary>Worth knowing; nothing is lost or at risk.</summary>
    Warning = 0,

    /// <summary>Space that nothing refers to: harmless, and lost.</summary>
    Leak = 1,

    /// <summary>Content may be wrong, or may become wrong when the image is written.</summary>
    Corruption = 2,
}
