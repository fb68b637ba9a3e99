using System;
using CloudImage.Sdk.Snapshots.Signing;
using Org.BouncyCastle.Crypto.Parameters;

namespace CloudImage.Sdk.Cryptography;

/// <summary>The public half of an Ed25519 key (RFC 8032). Thread-safe.</summary>
public sealed class Ed25519SnapshotSignatureKey : SnapshotSignatureKey
{
    internal const string AlgorithmName = "ed25519";
    private readonly Ed25519PublicKeyParameters _key;

    /// <summary>Takes a public key.</summary>
    /// <param name="publicKey">32 bytes.</param>
    /// <exception cref="ArgumentException">They are no public key.</exception>
    public Ed25519SnapshotSignatureKey(ReadOnlySpan<byte> publicKey)
        : this(Read(publicKey))
    {
    }

    internal Ed25519SnapshotSignatureKey(Ed25519PublicKeyParameters key)
        : base(AlgorithmName, Ed25519Pem.Describe(key.GetEncoded())) => _key = key;

    /// <summary>Reads a key from PEM text: a public key (<c>BEGIN PUBLIC KEY</c>), or the public half of a private one (PKCS#8, <c>BEGIN PRIVATE KEY</c>).</summary>
    /// <param name="pem">The text.</param>
    /// <returns>The key.</returns>
    /// <exception cref="ArgumentException">The text holds no Ed25519 key, or one that is encrypted.</exception>
    public static Ed25519SnapshotSignatureKey FromPem(string pem)
    {
        ArgumentNullException.ThrowIfNull(pem);
        if (Ed25519Pem.TryReadPublic(pem) is { } publicKey)
        {
            return new Ed25519SnapshotSignatureKey(publicKey);
        }

        using Ed25519SnapshotSigner signer = Ed25519SnapshotSigner.FromPem(pem);
        return (Ed25519SnapshotSignatureKey)signer.PublicKey;
    }

    /// <inheritdoc/>
    protected override bool VerifyCore(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        byte[] message = data.ToArray();
        return signature.Length == 64 && _key.Verify(Org.BouncyCastle.Math.EC.Rfc8032.Ed25519.Algorithm.Ed25519, null, message, 0, message.Length, signature.ToArray(), 0);
    }

    private static Ed25519PublicKeyParameters Read(ReadOnlySpan<byte> publicKey) => publicKey.Length == Ed25519Pem.KeyLength
        ? new Ed25519PublicKeyParameters(publicKey.ToArray(), 0)
        : throw new ArgumentException($"An Ed25519 public key has 32 bytes, not {publicKey.Length}.", nameof(publicKey));
}
