namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>How the clusters of a qcow2 image are compressed.</summary>
public enum Qcow2Compression
{
    /// <summary>Not at all.</summary>
    None = 0,

    /// <summary>Raw deflate, which every version of QEMU reads.</summary>
    Zlib = 1,

    /// <summary>Zstandard, which QEMU reads from version 5.1 on.</summary>
    Zstd = 2,
}
