using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Snapshots;

/// <summary>What became of a rebase. Immutable.</summary>
public sealed class RebaseResult
{
    internal RebaseResult(CaptureResult? layer, BlockMap conflicts)
    {
        Layer = layer;
        Conflicts = conflicts;
    }

    /// <summary>The rebased layer; null where there were conflicts.</summary>
    public CaptureResult? Layer { get; }

    /// <summary>The blocks of 4 KiB that layer and base both changed.</summary>
    public BlockMap Conflicts { get; }
}
