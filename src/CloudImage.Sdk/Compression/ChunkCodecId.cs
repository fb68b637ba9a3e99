namespace CloudImage.Sdk.Compression;

/// <summary>How the content of a stored chunk is coded. The numbers stand in the repository and never change.</summary>
public enum ChunkCodecId
{
    /// <summary>As it is.</summary>
    Stored = 0,

    /// <summary>One LZ4 block, without a frame around it.</summary>
    Lz4 = 1,

    /// <summary>One zstd frame (RFC 8878), without a dictionary.</summary>
    Zstd = 2,
}
