using System.Collections.Generic;

namespace CloudImage.Sdk.Storage;

/// <summary>Which objects a cache keeps, and how much of them.</summary>
public sealed class CachingObjectStoreOptions
{
    /// <summary>What the names of cached objects begin with; reads of others pass.</summary>
    /// <value>The default value is the tree packs (<c>m/</c>) and the index segments (<c>i/</c>) of a repository.</value>
    public IReadOnlyList<string> Prefixes { get; init; } = ["m/", "i/"];

    /// <summary>The longest object that is cached, in bytes.</summary>
    /// <value>The default value is 16 MiB. Longer ones are read by the range.</value>
    public int MaximumObjectLength { get; init; } = 16 << 20;

    /// <summary>How many bytes are kept; beyond them, the objects that were not used for longest go.</summary>
    /// <value>The default value is 1 GiB.</value>
    public long MaximumTotalLength { get; init; } = 1L << 30;

    /// <summary>A number that the checksums in the cache depend on, so that nobody without it can forge them.</summary>
    /// <value>The default value is zero: the checksums find accidents only.</value>
    public long ChecksumSeed { get; init; }
}
