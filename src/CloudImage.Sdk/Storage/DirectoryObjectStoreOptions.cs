using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Storage;

/// <summary>How a directory keeps objects.</summary>
public sealed class DirectoryObjectStoreOptions
{
    /// <summary>The defaults.</summary>
    public static DirectoryObjectStoreOptions Default { get; } = new();

    /// <summary>What is promised when the machine loses power.</summary>
    /// <value>The default value is <see cref="WriteDurability.Flush"/>: each object is flushed before it gets its name, and the folders at each barrier.</value>
    public WriteDurability Durability { get; init; } = WriteDurability.Flush;

    /// <summary>Whether objects are first written under a temporary name even where the system could do without one.</summary>
    /// <value>The default value is <see langword="false"/>. For tests of what other systems do.</value>
    internal bool UsesNamedTemporaries { get; init; }
}
