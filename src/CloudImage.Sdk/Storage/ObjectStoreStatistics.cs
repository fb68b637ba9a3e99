namespace CloudImage.Sdk.Storage;

/// <summary>How many requests of each kind a store was sent, and how many bytes went each way.</summary>
/// <remarks>Immutable: a state at one moment. A request is one call of the interface; a service may split a large upload into several.</remarks>
public sealed class ObjectStoreStatistics
{
    /// <summary>Objects whose creation was asked for.</summary>
    public long Creates { get; init; }

    /// <summary>Of them, those that found their name taken.</summary>
    public long Conflicts { get; init; }

    /// <summary>Ranges read.</summary>
    public long Reads { get; init; }

    /// <summary>Objects asked for without their content.</summary>
    public long Infos { get; init; }

    /// <summary>Lists begun.</summary>
    public long Lists { get; init; }

    /// <summary>Objects that the lists told of.</summary>
    public long ListedObjects { get; init; }

    /// <summary>Objects whose deletion was asked for.</summary>
    public long Deletes { get; init; }

    /// <summary>Barriers.</summary>
    public long Flushes { get; init; }

    /// <summary>Calls that ended in a fault, missing objects not counted.</summary>
    public long Faults { get; init; }

    /// <summary>Bytes of the objects whose creation was asked for.</summary>
    public long BytesWritten { get; init; }

    /// <summary>Bytes that were read.</summary>
    public long BytesRead { get; init; }
}
