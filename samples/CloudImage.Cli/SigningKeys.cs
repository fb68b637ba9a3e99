using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using CloudImage.Sdk.Snapshots.Signing;

namespace CloudImage.Cli;

/// <summary>Keys of signatures from where the command line may name them: PEM files with ECDSA keys on P-256 or P-384.</summary>
internal static class SigningKeys
{
    /// <summary>The signer of a private key behind <c>env:NAME</c> or <c>file:PATH</c>; null where none is named.</summary>
    public static SnapshotSigner? Open(string? place) => place is null ? null : EcdsaSnapshotSigner.FromPem(Secrets.ReadText(place));

    /// <summary>The public keys in files, of PEM text with a public key or a private one.</summary>
    public static IReadOnlyList<SnapshotSignatureKey> Load(string[]? paths) => [.. (paths ?? []).Select(static path => Load(path))];

    private static EcdsaSnapshotSignatureKey Load(string path)
    {
        try
        {
            return EcdsaSnapshotSignatureKey.FromPem(File.ReadAllText(path));
        }
        catch (ArgumentException exception)
        {
            throw new UsageException($"'{path}' holds no ECDSA key on P-256 or P-384 in PEM: {exception.Message}");
        }
    }
}
