namespace CloudImage.Sdk.Snapshots.Collection;

/// <summary>What a collection found of one session: which of its packs go, or stay, and why. Immutable.</summary>
public sealed class CollectFinding
{
    /// <summary>The session, which is the snapshot's id where it became one.</summary>
    public required string SessionId { get; init; }

    /// <summary>Why.</summary>
    public required CollectReason Reason { get; init; }

    /// <summary>Whether the packs go.</summary>
    public bool IsCollected => Reason is CollectReason.Aborted or CollectReason.Retired or CollectReason.Unreferenced;

    /// <summary>How many packs this is about.</summary>
    public required int Packs { get; init; }

    /// <summary>Their bytes.</summary>
    public required long Bytes { get; init; }
}
