namespace CloudImage.Sdk.Snapshots;

/// <summary>How a repository keeps its content from those who can read its store.</summary>
public enum RepositoryEncryption
{
    /// <summary>Not at all.</summary>
    None = 0,

    /// <summary>
    /// AES-256-GCM with a key for each chunk, node and descriptor. What stays in clear: lengths of compressed chunks, how many there are,
    /// which packs a snapshot refers to, when sessions ran, and who can unwrap the keys.
    /// </summary>
    Aes256Gcm = 1,
}
