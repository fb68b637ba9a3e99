using System;
using System.Security.Cryptography;

namespace CloudImage.Sdk.Snapshots.Signing;

/// <summary>What the two curves are signed with.</summary>
internal static class EcdsaCurve
{
    public static (string Name, HashAlgorithmName Hash) Of(ECDsa key) => key.KeySize switch
    {
        256 when IsNist(key, "nistP256", "1.2.840.10045.3.1.7") => ("ecdsa-p256-sha256", HashAlgorithmName.SHA256),
        384 when IsNist(key, "nistP384", "1.3.132.0.34") => ("ecdsa-p384-sha384", HashAlgorithmName.SHA384),
        _ => throw new ArgumentException("Snapshots are signed on the curves P-256 and P-384.", nameof(key)),
    };

    // Other curves have the same sizes; a name or an object identifier tells them apart, by platform.
    private static bool IsNist(ECDsa key, string name, string oid)
    {
        Oid curve = key.ExportParameters(false).Curve.Oid;
        return curve.Value == oid || string.Equals(curve.FriendlyName, name, StringComparison.OrdinalIgnoreCase)
            || string.Equals(curve.FriendlyName, name.Replace("nistP", "ECDSA_P", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase);
    }
}
