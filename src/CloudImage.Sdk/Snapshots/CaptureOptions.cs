using System;
using System.Collections.Generic;
using CloudImage.Sdk.Compression;
using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Snapshots;

/// <summary>How a disk is captured.</summary>
public sealed class CaptureOptions
{
    /// <summary>The image that the disk is a state of: any text whose percent-encoded form has at most 128 bytes.</summary>
    public required string Image { get; init; }

    /// <summary>What the capture is compared with, chunk by chunk at the same position.</summary>
    /// <value>The default value is <see cref="SnapshotParent.Latest"/>.</value>
    public SnapshotParent Parent { get; init; } = SnapshotParent.Latest;

    /// <summary>
    /// Name of an image that the disk was made from: chunks that its newest snapshot has at the same position are shared with
    /// it, whatever the deduplication, and without an index. Beside the parent, which is asked first.
    /// </summary>
    /// <value>The default value is <see langword="null"/>: none. An image without a snapshot is an error.</value>
    public string? BaseImage { get; init; }

    /// <summary>How new chunks are compressed.</summary>
    /// <value>The default value is LZ4.</value>
    public ChunkCodec Codec { get; init; } = ChunkCodec.Lz4;

    /// <summary>How chunks are looked for that the repository has already.</summary>
    /// <value>The default value is <see cref="ChunkDeduplication.Exact"/>.</value>
    public ChunkDeduplication Deduplication { get; init; }

    /// <summary>What may have changed since the parent was captured; only chunks that it touches are read.</summary>
    /// <value>The default value is <see langword="null"/>: all data is read and compared.</value>
    /// <remarks>A change that the map leaves out is not in the snapshot. The kinds of its extents do not matter.</remarks>
    public BlockMap? ChangeMap { get; init; }

    /// <summary>Whether unmapped ranges of the disk are kept as absent, so that the snapshot is a layer to be put on others.</summary>
    /// <value>The default value is <see langword="false"/>: they are zeros.</value>
    public bool AsLayer { get; init; }

    /// <summary>For a layer, the disk under it: a chunk that is unmapped in part is completed from it.</summary>
    /// <value>The default value is <see langword="null"/>: zeros.</value>
    public VirtualDisk? LayerBase { get; init; }

    /// <summary>A session that died, to be continued: chunks that it stored are not stored again.</summary>
    /// <value>The default value is <see langword="null"/>. See <see cref="SnapshotRepository.ListInterruptedAsync"/>.</value>
    public string? ResumeSession { get; init; }

    /// <summary>Words about the snapshot, kept with it; at most 256.</summary>
    /// <value>The default value is none.</value>
    public IReadOnlyList<KeyValuePair<string, string>> Tags { get; init; } = [];

    /// <summary>When the disk had the state that is captured, if that is not now.</summary>
    /// <value>The default value is <see langword="null"/>: the time of the capture.</value>
    public DateTimeOffset? CreatedAt { get; init; }

    /// <summary>How many threads hash and compress.</summary>
    /// <value>0 for as many as there are processors, which is the default value.</value>
    public int Concurrency { get; init; }

    /// <summary>Whether a chunk of which at most half differs from the parent's is stored as the blocks that differ, each a 64th of a chunk.</summary>
    /// <value>The default value is <see langword="true"/>.</value>
    /// <remarks>
    /// Of scattered writes little more than the writes is stored: 1.14 times their bytes in a repository with chunks of 256 KiB, and 31.8 times without. An
    /// update of a system image stores a seventh less in the same time. Reading costs the same: patches and what they are laid over are fetched in
    /// ranges, at the same time. A capture reads what its changes are laid over, which costs time where the store is distant and the
    /// way there is fast; and a chunk that is stored as a patch is not found by its content in another place of a disk, though the same change
    /// of the same chunk is. Whoever captures without it reads patches all the same.
    /// </remarks>
    public bool PatchFrames { get; init; } = true;

    /// <summary>Signs the snapshot's descriptor before it is committed; the caller disposes it.</summary>
    /// <value>The default value is <see langword="null"/>: it is not signed. See <see cref="SnapshotRepository.SignAsync"/>.</value>
    public Signing.SnapshotSigner? Signer { get; init; }

    /// <summary>Packs that are not to be referred to, whatever the index or the parent say: they are damaged.</summary>
    internal IReadOnlySet<Packs.PackId>? ExcludedPacks { get; init; }

    /// <summary>Of a tree that is made of other snapshots' trees, how.</summary>
    internal Layers.LayerPlan? Layers { get; init; }

    /// <summary>The root that the result must have; with another one there is no snapshot.</summary>
    internal Hashing.ContentDigest? RequiredRoot { get; init; }
}
