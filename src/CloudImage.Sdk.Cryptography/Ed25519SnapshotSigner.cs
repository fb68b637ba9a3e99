using System;
using System.Security.Cryptography;
using CloudImage.Sdk.Snapshots.Signing;
using Org.BouncyCastle.Crypto.Parameters;

namespace CloudImage.Sdk.Cryptography;

/// <summary>Signs snapshots with an Ed25519 key (RFC 8032). Thread-safe.</summary>
public sealed class Ed25519SnapshotSigner : SnapshotSigner
{
    private readonly byte[] _seed;

    /// <summary>Takes a private key.</summary>
    /// <param name="privateKey">The seed of 32 bytes; it is copied.</param>
    /// <exception cref="ArgumentException">It has another length.</exception>
    public Ed25519SnapshotSigner(ReadOnlySpan<byte> privateKey)
    {
        if (privateKey.Length != Ed25519Pem.KeyLength)
        {
            throw new ArgumentException($"An Ed25519 private key has 32 bytes, not {privateKey.Length}.", nameof(privateKey));
        }

        _seed = privateKey.ToArray();
        PublicKey = new Ed25519SnapshotSignatureKey(new Ed25519PrivateKeyParameters(_seed, 0).GeneratePublicKey());
    }

    /// <inheritdoc/>
    public override SnapshotSignatureKey PublicKey { get; }

    /// <summary>Reads a private key from PEM text (PKCS#8, <c>BEGIN PRIVATE KEY</c>).</summary>
    /// <param name="pem">The text.</param>
    /// <returns>The signer.</returns>
    /// <exception cref="ArgumentException">The text holds no Ed25519 private key.</exception>
    public static Ed25519SnapshotSigner FromPem(string pem)
    {
        ArgumentNullException.ThrowIfNull(pem);
        byte[] seed = Ed25519Pem.TryReadPrivate(pem) ?? throw new ArgumentException("The text holds no Ed25519 private key that is not encrypted.", nameof(pem));
        try
        {
            return new Ed25519SnapshotSigner(seed);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(seed);
        }
    }

    /// <inheritdoc/>
    protected override byte[] SignCore(ReadOnlySpan<byte> data)
    {
        byte[] message = data.ToArray();
        byte[] signature = new byte[64];
        new Ed25519PrivateKeyParameters(_seed, 0).Sign(Org.BouncyCastle.Math.EC.Rfc8032.Ed25519.Algorithm.Ed25519, null, message, 0, message.Length, signature, 0);
        return signature;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        CryptographicOperations.ZeroMemory(_seed);
        base.Dispose(disposing);
    }
}
