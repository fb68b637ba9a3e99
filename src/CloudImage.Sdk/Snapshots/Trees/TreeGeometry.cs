using System;

namespace CloudImage.Sdk.Snapshots.Trees;

/// <summary>The shape of a tree, which the length of the disk and the chunk size give alone.</summary>
internal readonly struct TreeGeometry
{
    public const int FanOut = 256;
    public const int MaxLevels = 7;

    public TreeGeometry(long length, int chunkSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Length = length;
        ChunkSize = chunkSize;
        ChunkCount = (length / chunkSize) + (length % chunkSize == 0 ? 0 : 1);
        Levels = 1;
        for (long reach = FanOut; reach < ChunkCount; reach *= FanOut)
        {
            Levels++;
        }
    }

    public long Length { get; }

    public int ChunkSize { get; }

    public long ChunkCount { get; }

    /// <summary>Number of levels, at least 1; level 0 is that of the leaves.</summary>
    public int Levels { get; }

    public int RootLevel => Levels - 1;

    public long LeafCount => (ChunkCount + FanOut - 1) / FanOut;

    /// <summary>How many chunks one entry of a node of that level stands for.</summary>
    public static long ChunksPerEntry(int level)
    {
        long chunks = 1;
        for (int index = 0; index < level; index++)
        {
            chunks *= FanOut;
        }

        return chunks;
    }

    /// <summary>How many entries of a node at a level stand for a part of the disk, at least 1.</summary>
    public int UsedEntries(int level, long firstChunk)
    {
        long perEntry = ChunksPerEntry(level);
        long left = ChunkCount - firstChunk;
        return (int)Math.Clamp((left + perEntry - 1) / perEntry, 1, FanOut);
    }
}
