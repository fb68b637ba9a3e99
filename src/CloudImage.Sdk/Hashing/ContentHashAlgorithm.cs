namespace CloudImage.Sdk.Hashing;

/// <summary>The digest that names a piece of content. Both give 32 bytes.</summary>
/// <remarks>The numbers are stored in repositories and never change their meaning.</remarks>
public enum ContentHashAlgorithm
{
    /// <summary>BLAKE3 in its default mode, 32 bytes of output.</summary>
    Blake3 = 1,

    /// <summary>SHA-256 as in FIPS 180-4.</summary>
    Sha256 = 2,
}
