namespace CloudImage.Sdk.Snapshots;

/// <summary>How a capture looks for chunks that the repository has already.</summary>
public enum ChunkDeduplication
{
    /// <summary>At the parent's same position, and anywhere in the repository by its index. Some five megabytes of memory for each terabyte stored.</summary>
    Exact = 0,

    /// <summary>At the parent's same position alone. No memory.</summary>
    Chain = 1,
}
