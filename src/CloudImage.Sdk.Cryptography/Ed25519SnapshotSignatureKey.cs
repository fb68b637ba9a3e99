using System;
using System.IO;
using CloudImage.Sdk.Snapshots.Signing;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.OpenSsl;
using Org.BouncyCastle.Security;
using Org.BouncyCastle.X509;

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
        : base(AlgorithmName, SubjectPublicKeyInfoFactory.CreateSubjectPublicKeyInfo(key).GetDerEncoded()) => _key = key;

    /// <summary>Reads a public key from PEM text (<c>BEGIN PUBLIC KEY</c>).</summary>
    /// <param name="pem">The text.</param>
    /// <returns>The key.</returns>
    /// <exception cref="ArgumentException">The text holds no Ed25519 public key.</exception>
    public static Ed25519SnapshotSignatureKey FromPem(string pem)
    {
        ArgumentNullException.ThrowIfNull(pem);
        return ReadPem(pem) is Ed25519PublicKeyParameters key
            ? new Ed25519SnapshotSignatureKey(key)
            : throw new ArgumentException("The text holds no Ed25519 public key.", nameof(pem));
    }

    /// <inheritdoc/>
    protected override bool VerifyCore(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        byte[] message = data.ToArray();
        return signature.Length == 64 && _key.Verify(Org.BouncyCastle.Math.EC.Rfc8032.Ed25519.Algorithm.Ed25519, null, message, 0, message.Length, signature.ToArray(), 0);
    }

    internal static object? ReadPem(string pem)
    {
        try
        {
            using StringReader text = new(pem);
            using PemReader reader = new(text);
            return reader.ReadObject();
        }
        catch (Exception exception) when (exception is IOException or CryptoException or FormatException or InvalidCastException or ArgumentException or GeneralSecurityException)
        {
            throw new ArgumentException($"The text is no PEM that can be read: {exception.Message}", nameof(pem), exception);
        }
    }

    private static Ed25519PublicKeyParameters Read(ReadOnlySpan<byte> publicKey) => publicKey.Length == 32
        ? new Ed25519PublicKeyParameters(publicKey.ToArray(), 0)
        : throw new ArgumentException($"An Ed25519 public key has 32 bytes, not {publicKey.Length}.", nameof(publicKey));
}
