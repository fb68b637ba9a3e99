using System;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>What an upload knows of its blocks: which were begun, which were acknowledged and with what digest. Blocks may be told from several threads, each by one.</summary>
internal abstract class EbsLedger : IDisposable
{
    private readonly BlockBits _known;
    private readonly BlockBits _acknowledged;
    private readonly int _blockCount;

    protected EbsLedger(int blockCount)
    {
        _blockCount = blockCount;
        _known = new BlockBits(blockCount);
        _acknowledged = new BlockBits(blockCount);
    }

    /// <summary>Id of the snapshot, once it has begun.</summary>
    public string? SnapshotId { get; protected set; }

    /// <summary>What the snapshot is begun with, so that it begins once.</summary>
    public required string ClientToken { get; init; }

    /// <summary>Whether an earlier run has asked for completion already.</summary>
    public bool WasCompleting { get; protected set; }

    /// <summary>Whether the service may hold the block.</summary>
    public bool IsKnown(int block) => _known[block];

    /// <summary>The first block from one on that the service may hold; the number of blocks where there is none.</summary>
    public int NextKnown(int block) => _known.Find(block, _blockCount, true);

    /// <summary>The digest with which the service has acknowledged a block; null where it did not, or may hold another by now.</summary>
    public ContentDigest? Find(int block) => _acknowledged[block] ? ReadDigest(block) : null;

    /// <summary>Notes that a block is about to be sent: from now on nobody knows what the service holds of it.</summary>
    public void Begin(int block)
    {
        WriteBegun(block, _acknowledged[block]);
        _acknowledged.Clear(block);
        _known.Set(block);
    }

    /// <summary>Notes that the service holds a block.</summary>
    public void Acknowledge(int block, ContentDigest digest)
    {
        WriteDigest(block, digest);
        _acknowledged.Set(block);
    }

    /// <summary>Notes the snapshot's id.</summary>
    public virtual void Start(string snapshotId) => SnapshotId = snapshotId;

    /// <summary>Notes that completion is about to be asked for.</summary>
    public virtual void BeginCompletion()
    {
    }

    /// <summary>The upload is complete: nothing of it is needed any more.</summary>
    public virtual void Delete()
    {
    }

    public abstract void Dispose();

    protected void Restore(int block, bool isAcknowledged)
    {
        _known.Set(block);
        if (isAcknowledged)
        {
            _acknowledged.Set(block);
        }
    }

    protected abstract ContentDigest ReadDigest(int block);

    protected abstract void WriteBegun(int block, bool wasAcknowledged);

    protected abstract void WriteDigest(int block, ContentDigest digest);
}
