using System;
using CloudImage.Sdk.Compression;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Snapshots.Index;
using CloudImage.Sdk.Snapshots.Layers;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Trees;

namespace CloudImage.Sdk.Snapshots.Capture;

/// <summary>What a run of the pipeline is given. Immutable.</summary>
internal sealed class CapturePlan
{
    private const int UnitLength = 2 << 20;

    public required RepositoryContext Context { get; init; }

    public required VirtualDisk Disk { get; init; }

    public required TreeGeometry Geometry { get; init; }

    public required SnapshotTree? Parent { get; init; }

    /// <summary>A base image, whose chunks are shared where they are the same at the same position; null for none.</summary>
    public required SnapshotTree? Base { get; init; }

    public required BlockMap? ChangeMap { get; init; }

    public required bool IsLayer { get; init; }

    public required VirtualDisk? LayerBase { get; init; }

    public required ChunkCodec Codec { get; init; }

    /// <summary>Where chunks are looked up; null for deduplication by position alone.</summary>
    public required ChunkIndex? Index { get; init; }

    /// <summary>The session that captures; its own packs may be shared with without a limit.</summary>
    public required SessionId OwnSession { get; init; }

    /// <summary>Whether a pack may be referred to.</summary>
    public required Func<PackId, bool> IsUsable { get; init; }

    /// <summary>Takes over a chunk of the parent: where it is, or, where its pack is condemned, where it was moved to.</summary>
    public bool TryUse(FramePlace place, out FramePlace usable) => Context.Moves.TryUse(place, IsUsable, out usable);

    /// <summary>Whether a changed chunk may be stored as a patch over the parent's.</summary>
    public bool UsesPatches { get; init; }

    /// <summary>How many foreign packs the shared chunks of a leaf may lie in.</summary>
    public int MaxForeignPacks { get; init; } = 16;

    public required int Workers { get; init; }

    /// <summary>Of a tree that is made of other trees, how; null to look at the disk.</summary>
    public required LayerPlan? Layers { get; init; }

    public int ChunkSize => Geometry.ChunkSize;

    public int ChunksPerUnit => Math.Max(1, UnitLength / ChunkSize);

    public ICapturePlanner CreatePlanner() => Layers?.CreatePlanner(this) ?? new CapturePlanner(this);

    /// <summary>Units under way at once: what bounds the memory of a capture.</summary>
    public int Window => Disk.IsLocal ? (2 * Workers) + 4 : Math.Max((2 * Workers) + 4, 16);
}
