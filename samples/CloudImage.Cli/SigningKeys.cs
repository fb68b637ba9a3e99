using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using CloudImage.Sdk.Cryptography;
using CloudImage.Sdk.Snapshots.Signing;

namespace CloudImage.Cli;

/// <summary>Keys of signatures from where the command line may name them: PEM text with an ECDSA key on P-256 or P-384, or an Ed25519 key.</summary>
internal static class SigningKeys
{
    /// <summary>What the help calls the keys that are taken.</summary>
    public const string Kinds = "an ECDSA key on P-256 or P-384, or an Ed25519 key";

    /// <summary>The signer of a private key behind <c>env:NAME</c> or <c>file:PATH</c>; null where none is named.</summary>
    public static SnapshotSigner? Open(string? place) => place is null
        ? null
        : Read<SnapshotSigner>(place, "private key that is not encrypted", Secrets.ReadText(place), static pem => EcdsaSnapshotSigner.FromPem(pem), static pem => Ed25519SnapshotSigner.FromPem(pem));

    /// <summary>The public keys in files, of PEM text with a public key or a private one.</summary>
    public static IReadOnlyList<SnapshotSignatureKey> Load(string[]? paths) => [.. (paths ?? []).Select(static path =>
        Read<SnapshotSignatureKey>(path, "key", File.ReadAllText(path), static pem => EcdsaSnapshotSignatureKey.FromPem(pem), static pem => Ed25519SnapshotSignatureKey.FromPem(pem)))];

    private static T Read<T>(string place, string what, string pem, Func<string, T> readEcdsa, Func<string, T> readEd25519)
    {
        try
        {
            return readEcdsa(pem);
        }
        catch (Exception exception) when (exception is ArgumentException or CryptographicException)
        {
            // A key of another kind, or none.
        }

        try
        {
            return readEd25519(pem);
        }
        catch (ArgumentException)
        {
            throw new UsageException($"'{place}' holds no {what} of a known kind in PEM: {Kinds}.");
        }
    }
}
