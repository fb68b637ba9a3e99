namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>How a cipher is applied to the sectors of a disk.</summary>
internal enum AesSectorMode
{
    /// <summary>XTS with the sector number as tweak (plain64).</summary>
    Xts,

    /// <summary>CBC with the sector number as initial vector (plain64).</summary>
    CbcPlain,

    /// <summary>CBC with the encrypted sector number as initial vector.</summary>
    CbcEssivSha256,

    /// <summary>Every block by itself.</summary>
    Ecb,
}
