using System;
using System.Security.Cryptography;

namespace CloudImage.Sdk.Snapshots.Signing;

/// <summary>The public half of a key that snapshots are signed with. Implementations may be used from several threads at once.</summary>
public abstract class SnapshotSignatureKey
{
    /// <summary>Takes a public key.</summary>
    /// <param name="algorithm">The name of the algorithm with its hash, such as <c>ecdsa-p256-sha256</c>.</param>
    /// <param name="subjectPublicKeyInfo">The key as X.509 writes it (DER).</param>
    protected SnapshotSignatureKey(string algorithm, ReadOnlySpan<byte> subjectPublicKeyInfo)
    {
        ArgumentException.ThrowIfNullOrEmpty(algorithm);
        Algorithm = algorithm;
        Id = Convert.ToHexStringLower(SHA256.HashData(subjectPublicKeyInfo));
    }

    /// <summary>The name of the algorithm with its hash.</summary>
    public string Algorithm { get; }

    /// <summary>What a signature names its key by: the SHA-256 of the key's SubjectPublicKeyInfo, 64 lower-case hexadecimal digits.</summary>
    public string Id { get; }

    /// <summary>Whether a signature over some data was made with the private half of this key.</summary>
    /// <param name="data">The data.</param>
    /// <param name="signature">The signature, of whatever length.</param>
    /// <returns>Whether it is good.</returns>
    public bool Verify(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature) => VerifyCore(data, signature);

    /// <summary>Checks a signature; one of a wrong length is not good.</summary>
    /// <param name="data">The data.</param>
    /// <param name="signature">The signature.</param>
    /// <returns>Whether it is good.</returns>
    protected abstract bool VerifyCore(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature);
}
