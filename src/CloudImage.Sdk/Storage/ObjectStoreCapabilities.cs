namespace CloudImage.Sdk.Storage;

/// <summary>What a store promises, and what it does well.</summary>
public sealed class ObjectStoreCapabilities
{
    /// <summary>Whether of many that create one name at once exactly one is told that it did.</summary>
    /// <value>The default value is <see langword="true"/>. Without it a repository cannot be shared safely.</value>
    public bool HasAtomicCreate { get; init; } = true;

    /// <summary>Whether reads and lists that begin after a creation or a deletion ended see it.</summary>
    /// <value>The default value is <see langword="true"/>. Without it a repository cannot be shared safely.</value>
    public bool HasConsistentLists { get; init; } = true;

    /// <summary>Whether the store is on this machine: a request costs microseconds, not milliseconds.</summary>
    /// <value>The default value is <see langword="false"/>.</value>
    public bool IsLocal { get; init; }

    /// <summary>Whether an <see cref="ObjectUpload"/> passes its parts on at once, so that a large object needs no memory here.</summary>
    /// <value>The default value is <see langword="false"/>: parts are held until the object is complete.</value>
    public bool StreamsUploads { get; init; }

    /// <summary>The checksum that the store keeps of each object.</summary>
    /// <value>The default value is <see cref="ObjectChecksumKind.None"/>.</value>
    public ObjectChecksumKind ChecksumKind { get; init; }

    /// <summary>The longest object that can be created, in bytes.</summary>
    /// <value>The default value is <see cref="long.MaxValue"/>.</value>
    public long MaximumObjectLength { get; init; } = long.MaxValue;

    /// <summary>What the service was taken for, in a word: a name that the store's options know.</summary>
    /// <value>The default value is <see langword="null"/>: the store knows one kind of service alone.</value>
    public string? Service { get; init; }

    /// <summary>How it is known whether <see cref="HasAtomicCreate"/> holds, in a sentence.</summary>
    /// <value>The default value is <see langword="null"/>: the store makes sure of it itself.</value>
    public string? AtomicCreateReason { get; init; }

    /// <summary>How many requests at once the store serves best.</summary>
    /// <value>The default value is 8.</value>
    public int PreferredConcurrency { get; init; } = 8;
}
