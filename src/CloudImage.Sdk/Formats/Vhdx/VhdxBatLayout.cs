namespace CloudImage.Sdk.Formats.Vhdx;

/// <summary>Which entry of the block table belongs to which block: after each chunk's payload blocks comes one for their sector bitmap.</summary>
internal readonly struct VhdxBatLayout
{
    public VhdxBatLayout(long length, int blockSize, int logicalSectorSize, bool hasParent)
    {
        BlockSize = blockSize;
        ChunkRatio = VhdxConstants.SectorsInChunk * logicalSectorSize / blockSize;
        BlockCount = (length + blockSize - 1) / blockSize;
        ChunkCount = (BlockCount + ChunkRatio - 1) / ChunkRatio;
        EntryCount = hasParent
            ? ChunkCount * (ChunkRatio + 1)
            : BlockCount == 0 ? 0 : BlockCount + ((BlockCount - 1) / ChunkRatio);
    }

    public int BlockSize { get; }

    /// <summary>Payload blocks that share one sector bitmap block.</summary>
    public long ChunkRatio { get; }

    public long BlockCount { get; }

    public long ChunkCount { get; }

    /// <summary>Entries that the table needs at least.</summary>
    public long EntryCount { get; }

    public long EntryOf(long block) => block + (block / ChunkRatio);

    public long BitmapEntryOf(long block) => ((block / ChunkRatio) * (ChunkRatio + 1)) + ChunkRatio;

    /// <summary>Whether an entry is that of a sector bitmap.</summary>
    public bool IsBitmapEntry(long entry) => entry % (ChunkRatio + 1) == ChunkRatio;
}
