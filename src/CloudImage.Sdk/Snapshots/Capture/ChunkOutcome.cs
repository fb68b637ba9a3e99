namespace CloudImage.Sdk.Snapshots.Capture;

/// <summary>What became of a chunk that was read.</summary>
internal enum ChunkOutcome
{
    Zero = 0,
    Unchanged = 1,
    Duplicate = 2,
    New = 3,
}
