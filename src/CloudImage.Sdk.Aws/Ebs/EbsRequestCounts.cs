namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>How many requests a client made, retries with them: what the service charges and limits. Immutable.</summary>
public sealed class EbsRequestCounts
{
    internal EbsRequestCounts(long starts, long puts, long completions, long lists, long changeLists, long gets, long retries, long throttled)
    {
        StartSnapshot = starts;
        PutSnapshotBlock = puts;
        CompleteSnapshot = completions;
        ListSnapshotBlocks = lists;
        ListChangedBlocks = changeLists;
        GetSnapshotBlock = gets;
        Retries = retries;
        Throttled = throttled;
    }

    /// <summary>Snapshots begun.</summary>
    public long StartSnapshot { get; }

    /// <summary>Blocks written.</summary>
    public long PutSnapshotBlock { get; }

    /// <summary>Snapshots completed.</summary>
    public long CompleteSnapshot { get; }

    /// <summary>Pages of blocks listed.</summary>
    public long ListSnapshotBlocks { get; }

    /// <summary>Pages of changed blocks listed.</summary>
    public long ListChangedBlocks { get; }

    /// <summary>Blocks read.</summary>
    public long GetSnapshotBlock { get; }

    /// <summary>How many of all these were made again after a fault.</summary>
    public long Retries { get; }

    /// <summary>How many of all these the service answered by throttling.</summary>
    public long Throttled { get; }
}
