using System;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.Snapshots.Encryption;

/// <summary>The owner of the private key of a certificate: RSA (OAEP with SHA-256) or an elliptic curve (ECDH with a fresh key).</summary>
/// <remarks>
/// <para>Wrapped: the SHA-256 thumbprint of the certificate (32 bytes), the length (2 bytes, little-endian) of what follows: the encrypted
/// key-encryption key, or the fresh public key as SubjectPublicKeyInfo; then the sealed secret. For ECDH the
/// key-encryption key is HKDF-SHA-256 of the shared secret with both public keys as info.</para>
/// <para>Without the private key it wraps but does not unwrap. Validity dates and chains are not looked at: it is
/// a holder of keys, not a proof of identity. May be used from several threads at once.</para>
/// </remarks>
public sealed class CertificateKeyProvider : KeyProvider
{
    private const int ThumbprintLength = 32;
    private const int HeaderLength = ThumbprintLength + 2;

    private static readonly byte[] s_label = "certificate"u8.ToArray();

    private readonly X509Certificate2 _certificate;
    private readonly byte[] _thumbprint;
    private readonly bool _isRsa;

    /// <summary>Takes a certificate.</summary>
    /// <param name="certificate">The certificate, with its private key where it shall unwrap; it stays the caller's and must outlive this instance.</param>
    /// <exception cref="ArgumentException">Its key is neither RSA of at least 2048 bits nor an elliptic curve that may agree on keys.</exception>
    public CertificateKeyProvider(X509Certificate2 certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        _certificate = certificate;
        _thumbprint = certificate.GetCertHash(HashAlgorithmName.SHA256);
        using RSA? rsa = certificate.GetRSAPublicKey();
        using ECDiffieHellman? agreement = rsa is null ? certificate.GetECDiffieHellmanPublicKey() : null;
        if (rsa is { KeySize: < 2048 } || (rsa is null && agreement is null))
        {
            throw new ArgumentException("The certificate's key is neither RSA of at least 2048 bits nor an elliptic curve that may be used for key agreement.", nameof(certificate));
        }

        _isRsa = rsa is not null;
    }

    /// <inheritdoc/>
    public override string Kind => _isRsa ? "rsa-oaep-sha256" : "ecdh";

    /// <inheritdoc/>
    public override string Holder => Convert.ToHexStringLower(_thumbprint);

    /// <inheritdoc/>
    protected override ValueTask<byte[]> WrapCoreAsync(ReadOnlyMemory<byte> secret, ReadOnlyMemory<byte> context, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        byte[] key = _isRsa ? EncapsulateRsa(out byte[] encapsulated) : EncapsulateAgreement(out encapsulated);
        byte[] wrapped = new byte[HeaderLength + encapsulated.Length + secret.Length + AeadSeal.Overhead];
        _thumbprint.CopyTo(wrapped, 0);
        BinaryPrimitives.WriteUInt16LittleEndian(wrapped.AsSpan(ThumbprintLength), checked((ushort)encapsulated.Length));
        encapsulated.CopyTo(wrapped, HeaderLength);
        AeadSeal.Seal(key, s_label, context.Span, secret.Span, wrapped.AsSpan(HeaderLength + encapsulated.Length));
        CryptographicOperations.ZeroMemory(key);
        return ValueTask.FromResult(wrapped);
    }

    /// <inheritdoc/>
    protected override ValueTask<byte[]?> TryUnwrapCoreAsync(ReadOnlyMemory<byte> wrapped, ReadOnlyMemory<byte> context, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult(TryUnwrap(wrapped.Span, context.Span));
    }

    private byte[]? TryUnwrap(ReadOnlySpan<byte> wrapped, ReadOnlySpan<byte> context)
    {
        if (wrapped.Length < HeaderLength || !wrapped[..ThumbprintLength].SequenceEqual(_thumbprint) || !_certificate.HasPrivateKey)
        {
            return null;
        }

        int length = BinaryPrimitives.ReadUInt16LittleEndian(wrapped[ThumbprintLength..]);
        if (wrapped.Length < HeaderLength + length + AeadSeal.Overhead)
        {
            return null;
        }

        try
        {
            ReadOnlySpan<byte> encapsulated = wrapped.Slice(HeaderLength, length);
            byte[] key = _isRsa ? DecapsulateRsa(encapsulated) : DecapsulateAgreement(encapsulated);
            ReadOnlySpan<byte> sealedSecret = wrapped[(HeaderLength + length)..];
            byte[] secret = new byte[sealedSecret.Length - AeadSeal.Overhead];
            bool isOpen = key.Length == AeadSeal.KeyLength && AeadSeal.TryOpen(key, s_label, context, sealedSecret, secret);
            CryptographicOperations.ZeroMemory(key);
            return isOpen ? secret : null;
        }
        catch (Exception exception) when (exception is CryptographicException or PlatformNotSupportedException or ArgumentException)
        {
            // What does not decrypt is not for this key or is damaged; a curve that nobody knows, or another than
            // the certificate's, is reported with the latter two. The answer is the same.
            return null;
        }
    }

    private byte[] EncapsulateRsa(out byte[] encapsulated)
    {
        using RSA rsa = _certificate.GetRSAPublicKey()!;
        byte[] key = RandomNumberGenerator.GetBytes(AeadSeal.KeyLength);
        encapsulated = rsa.Encrypt(key, RSAEncryptionPadding.OaepSHA256);
        return key;
    }

    private byte[] DecapsulateRsa(ReadOnlySpan<byte> encapsulated)
    {
        using RSA rsa = _certificate.GetRSAPrivateKey()!;
        return rsa.Decrypt(encapsulated, RSAEncryptionPadding.OaepSHA256);
    }

    private byte[] EncapsulateAgreement(out byte[] encapsulated)
    {
        using ECDiffieHellman theirs = _certificate.GetECDiffieHellmanPublicKey()!;
        using ECDiffieHellman fresh = ECDiffieHellman.Create(theirs.ExportParameters(false).Curve);
        encapsulated = fresh.ExportSubjectPublicKeyInfo();
        byte[] shared = fresh.DeriveRawSecretAgreement(theirs.PublicKey);
        return DeriveKey(shared, encapsulated, theirs.ExportSubjectPublicKeyInfo());
    }

    private byte[] DecapsulateAgreement(ReadOnlySpan<byte> encapsulated)
    {
        using ECDiffieHellman mine = _certificate.GetECDiffieHellmanPrivateKey()!;
        using ECDiffieHellman fresh = ECDiffieHellman.Create();
        fresh.ImportSubjectPublicKeyInfo(encapsulated, out _);
        byte[] shared = mine.DeriveRawSecretAgreement(fresh.PublicKey);
        return DeriveKey(shared, encapsulated, mine.ExportSubjectPublicKeyInfo());
    }

    private static byte[] DeriveKey(byte[] shared, ReadOnlySpan<byte> fresh, ReadOnlySpan<byte> theirs)
    {
        byte[] key = HKDF.DeriveKey(HashAlgorithmName.SHA256, shared, AeadSeal.KeyLength, salt: null, info: [.. fresh, .. theirs]);
        CryptographicOperations.ZeroMemory(shared);
        return key;
    }
}
