namespace CloudImage.Sdk.Chunking;

/// <summary>How data is cut into chunks.</summary>
/// <remarks>The numbers are stored with the data and never change their meaning.</remarks>
public enum ChunkingAlgorithm
{
    /// <summary>Chunks of one size, cut at multiples of it.</summary>
    Fixed = 1,

    /// <summary>Cuts where a hash of the last four bytes is lowest between a least and a greatest size.</summary>
    MinCdc = 2,
}
