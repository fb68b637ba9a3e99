using System;
using System.Formats.Asn1;
using System.Security.Cryptography;

namespace CloudImage.Sdk.Cryptography;

/// <summary>Ed25519 keys as PKCS#8 and SubjectPublicKeyInfo write them (RFC 8410, RFC 5958).</summary>
internal static class Ed25519Pem
{
    public const int KeyLength = 32;
    private const string ObjectId = "1.3.101.112";

    /// <summary>The SubjectPublicKeyInfo of a public key (DER).</summary>
    public static byte[] Describe(ReadOnlySpan<byte> publicKey)
    {
        AsnWriter writer = new(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            using (writer.PushSequence())
            {
                writer.WriteObjectIdentifier(ObjectId);
            }

            writer.WriteBitString(publicKey);
        }

        return writer.Encode();
    }

    /// <summary>Finds a public key in PEM text.</summary>
    public static byte[]? TryReadPublic(ReadOnlySpan<char> pem) => TryRead(pem, "PUBLIC KEY", static encoded =>
    {
        AsnReader info = new AsnReader(encoded, AsnEncodingRules.DER).ReadSequence();
        return IsEd25519(info) ? info.ReadBitString(out _) : null;
    });

    /// <summary>Finds a private key, its seed, in PEM text. One that is encrypted is not found.</summary>
    public static byte[]? TryReadPrivate(ReadOnlySpan<char> pem) => TryRead(pem, "PRIVATE KEY", static encoded =>
    {
        // What may follow, attributes and the public key, is not needed.
        AsnReader info = new AsnReader(encoded, AsnEncodingRules.DER).ReadSequence();
        info.ReadInteger();
        return IsEd25519(info) ? new AsnReader(info.ReadOctetString(), AsnEncodingRules.DER).ReadOctetString() : null;
    });

    private static byte[]? TryRead(ReadOnlySpan<char> pem, string label, Func<ReadOnlyMemory<byte>, byte[]?> read)
    {
        while (PemEncoding.TryFind(pem, out PemFields fields))
        {
            if (pem[fields.Label].SequenceEqual(label))
            {
                byte[] encoded = new byte[fields.DecodedDataLength];
                try
                {
                    if (Convert.TryFromBase64Chars(pem[fields.Base64Data], encoded, out int length) && read(encoded.AsMemory(0, length)) is { Length: KeyLength } key)
                    {
                        return key;
                    }
                }
                catch (AsnContentException)
                {
                    // A block that is no key; another one may follow.
                }
                finally
                {
                    CryptographicOperations.ZeroMemory(encoded);
                }
            }

            pem = pem[fields.Location.End..];
        }

        return null;
    }

    private static bool IsEd25519(AsnReader info) => info.ReadSequence().ReadObjectIdentifier() == ObjectId;
}
