using System;
using System.Security.Cryptography;
using System.Threading;

namespace CloudImage.Sdk.Snapshots.Signing;

/// <summary>Signs with an ECDSA key on P-256 or P-384.</summary>
/// <remarks>The key is used by one thread at a time, and disposed with the signer.</remarks>
public sealed class EcdsaSnapshotSigner : SnapshotSigner
{
    private readonly Lock _lock = new();
    private readonly ECDsa _key;
    private readonly HashAlgorithmName _hash;

    /// <summary>Takes a private key.</summary>
    /// <param name="key">The key, owned by the signer from then on. It may live in a token or a service: only signing is asked of it.</param>
    /// <exception cref="ArgumentException">It is on another curve.</exception>
    public EcdsaSnapshotSigner(ECDsa key)
    {
        ArgumentNullException.ThrowIfNull(key);
        _key = key;
        _hash = EcdsaCurve.Of(key).Hash;
        PublicKey = new EcdsaSnapshotSignatureKey(key);
    }

    /// <inheritdoc/>
    public override SnapshotSignatureKey PublicKey { get; }

    /// <summary>Reads a private key from PEM text.</summary>
    /// <param name="pem">The text.</param>
    /// <returns>The signer.</returns>
    /// <exception cref="ArgumentException">The text holds no ECDSA key on P-256 or P-384.</exception>
    public static EcdsaSnapshotSigner FromPem(ReadOnlySpan<char> pem)
    {
        ECDsa key = ECDsa.Create();
        try
        {
            key.ImportFromPem(pem);
            return new EcdsaSnapshotSigner(key);
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    protected override byte[] SignCore(ReadOnlySpan<byte> data)
    {
        lock (_lock)
        {
            return _key.SignData(data, _hash, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _key.Dispose();
        }

        base.Dispose(disposing);
    }
}
