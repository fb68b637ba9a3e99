namespace CloudImage.Sdk.Storage;

/// <summary>The checksum that a store keeps of an object.</summary>
public enum ObjectChecksumKind
{
    /// <summary>None is kept.</summary>
    None = 0,

    /// <summary>CRC-32C (Castagnoli), four bytes, most significant first.</summary>
    Crc32C = 1,

    /// <summary>CRC-64 (NVMe), eight bytes, most significant first.</summary>
    Crc64Nvme = 2,

    /// <summary>MD5, sixteen bytes; it finds accidents, not forgeries.</summary>
    Md5 = 3,

    /// <summary>SHA-256, thirty-two bytes.</summary>
    Sha256 = 4,
}
