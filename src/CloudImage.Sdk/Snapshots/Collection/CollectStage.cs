namespace CloudImage.Sdk.Snapshots.Collection;

/// <summary>What a collection is doing.</summary>
public enum CollectStage
{
    /// <summary>Lists packs and sessions and reads what they refer to; counted in sessions.</summary>
    Marking = 0,

    /// <summary>Reads trees, to find which packs are sparse; counted in snapshots.</summary>
    Measuring = 1,

    /// <summary>Copies live frames of sparse packs; counted in bytes.</summary>
    Compacting = 2,

    /// <summary>Deletes; counted in packs.</summary>
    Deleting = 3,
}
