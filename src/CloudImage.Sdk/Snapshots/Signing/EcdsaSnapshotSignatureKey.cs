using System;
using System.Security.Cryptography;

namespace CloudImage.Sdk.Snapshots.Signing;

/// <summary>The public half of an ECDSA key on P-256 (with SHA-256) or P-384 (with SHA-384). Thread-safe.</summary>
/// <remarks>Signatures are r and s one behind the other, as IEEE P1363 writes them.</remarks>
public sealed class EcdsaSnapshotSignatureKey : SnapshotSignatureKey
{
    private readonly byte[] _subjectPublicKeyInfo;
    private readonly HashAlgorithmName _hash;

    /// <summary>Takes the public half of a key.</summary>
    /// <param name="key">The key; its public parameters are copied.</param>
    /// <exception cref="ArgumentException">It is on another curve.</exception>
    public EcdsaSnapshotSignatureKey(ECDsa key)
        : this(key, key?.ExportSubjectPublicKeyInfo() ?? throw new ArgumentNullException(nameof(key)))
    {
    }

    private EcdsaSnapshotSignatureKey(ECDsa key, byte[] subjectPublicKeyInfo)
        : base(EcdsaCurve.Of(key).Name, subjectPublicKeyInfo)
    {
        _subjectPublicKeyInfo = subjectPublicKeyInfo;
        _hash = EcdsaCurve.Of(key).Hash;
    }

    /// <summary>Reads a key from PEM text: a public key, or the public half of a private one.</summary>
    /// <param name="pem">The text.</param>
    /// <returns>The key.</returns>
    /// <exception cref="ArgumentException">The text holds no ECDSA key on P-256 or P-384.</exception>
    public static EcdsaSnapshotSignatureKey FromPem(ReadOnlySpan<char> pem)
    {
        using ECDsa key = ECDsa.Create();
        key.ImportFromPem(pem);
        return new EcdsaSnapshotSignatureKey(key);
    }

    /// <inheritdoc/>
    protected override bool VerifyCore(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        using ECDsa key = ECDsa.Create();
        key.ImportSubjectPublicKeyInfo(_subjectPublicKeyInfo, out _);
        return key.VerifyData(data, signature, _hash, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
    }
}
