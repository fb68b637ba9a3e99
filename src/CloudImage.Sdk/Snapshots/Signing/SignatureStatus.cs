namespace CloudImage.Sdk.Snapshots.Signing;

/// <summary>What a signature is worth to somebody who trusts certain keys.</summary>
public enum SignatureStatus
{
    /// <summary>There is no signature.</summary>
    None = 0,

    /// <summary>One of the trusted keys made it.</summary>
    Valid = 1,

    /// <summary>It names a trusted key, which did not make it: something was changed.</summary>
    Invalid = 2,

    /// <summary>It names keys that are not trusted; nothing is known of it.</summary>
    UnknownKey = 3,
}
