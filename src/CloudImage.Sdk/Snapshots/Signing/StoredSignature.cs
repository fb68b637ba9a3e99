using System;
using System.Collections.Generic;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots.Records;

namespace CloudImage.Sdk.Snapshots.Signing;

/// <summary>A signature as it is stored, with what it was made with.</summary>
internal sealed class StoredSignature
{
    private const int MaxLength = 4096;

    public required string Algorithm { get; init; }

    public required ContentDigest KeyId { get; init; }

    public required ReadOnlyMemory<byte> Value { get; init; }

    public static StoredSignature Make(SnapshotSigner signer, ReadOnlySpan<byte> data) => new()
    {
        Algorithm = signer.PublicKey.Algorithm,
        KeyId = ContentDigest.Parse(signer.PublicKey.Id),
        Value = signer.Sign(data),
    };

    public static StoredSignature Read(string name, ReadOnlyMemory<byte> source)
    {
        RecordReader reader = new(name, source.Span);
        string algorithm = reader.Text();
        ContentDigest key = reader.Digest();
        ReadOnlySpan<byte> value = reader.Block();
        reader.End();
        return value.Length <= MaxLength
            ? new StoredSignature { Algorithm = algorithm, KeyId = key, Value = value.ToArray() }
            : throw reader.Corrupt($"a signature has at most {MaxLength} bytes.");
    }

    /// <summary>Layout: algorithm text, SHA-256 of the SubjectPublicKeyInfo 32, block of the signature.</summary>
    public ReadOnlyMemory<byte> ToArray() => new RecordWriter().Text(Algorithm).Digest(KeyId).Block(Value.Span).Written;

    public SignatureStatus Check(ReadOnlySpan<byte> data, IReadOnlyCollection<SnapshotSignatureKey> trusted)
    {
        string id = KeyId.ToString();
        foreach (SnapshotSignatureKey key in trusted)
        {
            if (key.Id == id)
            {
                return key.Algorithm == Algorithm && key.Verify(data, Value.Span) ? SignatureStatus.Valid : SignatureStatus.Invalid;
            }
        }

        return SignatureStatus.UnknownKey;
    }

    /// <summary>Of several answers the one that counts: a good signature, else a bad one, else an unknown one.</summary>
    public static SignatureStatus Better(SignatureStatus left, SignatureStatus right) => Rank(left) >= Rank(right) ? left : right;

    private static int Rank(SignatureStatus status) => status switch
    {
        SignatureStatus.Valid => 3,
        SignatureStatus.Invalid => 2,
        SignatureStatus.UnknownKey => 1,
        _ => 0,
    };
}
