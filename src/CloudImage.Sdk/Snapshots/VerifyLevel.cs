namespace CloudImage.Sdk.Snapshots;

/// <summary>How deep a verification looks. Each level includes those before it.</summary>
public enum VerifyLevel
{
    /// <summary>Records and trees are read whole; packs and segments by name, length and tables.</summary>
    Structure = 0,

    /// <summary>The checksums that the store keeps are compared with those noted when the content was last read; nothing is downloaded.</summary>
    Checksums = 1,

    /// <summary>Every byte is read: packs against their SHA-256, chunks against their digests, index blocks against their checksums.</summary>
    Content = 2,
}
