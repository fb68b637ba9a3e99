using System;
using System.IO;
using System.Security.Cryptography.X509Certificates;
using CloudImage.Sdk.Cryptography;
using CloudImage.Sdk.Snapshots.Encryption;

namespace CloudImage.Cli;

/// <summary>Keys of encrypted repositories from where the command line may name them.</summary>
internal static class Keys
{
    private const int MinimumKeyFileLength = 32;

    /// <summary>The holder that a place names: a passphrase (stretched with PBKDF2, or Argon2id), a key file or a certificate.</summary>
    public static KeyProvider Open(string place)
    {
        if (place.StartsWith("cert:", StringComparison.Ordinal))
        {
            return new CertificateKeyProvider(LoadCertificate(place["cert:".Length..]));
        }

        if (place.StartsWith("argon2:", StringComparison.Ordinal))
        {
            return new Argon2KeyProvider(Secrets.ReadText(place["argon2:".Length..]));
        }

        byte[] content = Secrets.Read(place);

        // What is too short for a key file is a passphrase that somebody keeps in a file.
        return place.StartsWith("env:", StringComparison.Ordinal) || content.Length < MinimumKeyFileLength
            ? new PassphraseKeyProvider(Secrets.ReadText(place))
            : new KeyFileProvider(content);
    }

    private static X509Certificate2 LoadCertificate(string path) =>
        Path.GetExtension(path).ToUpperInvariant() is ".PFX" or ".P12"
            ? X509CertificateLoader.LoadPkcs12FromFile(path, null)
            : File.ReadAllText(path).Contains("PRIVATE KEY", StringComparison.Ordinal)
                ? X509Certificate2.CreateFromPemFile(path)
                : X509CertificateLoader.LoadCertificateFromFile(path);
}
