namespace CloudImage.Sdk.Snapshots.Collection;

/// <summary>How far a collection is. Immutable.</summary>
public sealed class CollectProgress
{
    internal CollectProgress(CollectStage stage, long done, long total)
    {
        Stage = stage;
        Done = done;
        Total = total;
    }

    /// <summary>What it is doing.</summary>
    public CollectStage Stage { get; }

    /// <summary>How much of the stage is done, in the stage's unit.</summary>
    public long Done { get; }

    /// <summary>How much the stage has to do, in the same unit.</summary>
    public long Total { get; }
}
