using System;
using System.Text;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>The old encryption of qcow and qcow2: AES-128-CBC, the key the first 16 bytes of the passphrase, the initial vector the sector of the disk.</summary>
/// <remarks>It has no way to tell a wrong passphrase: the content is then noise.</remarks>
internal sealed class LegacyAesCipher : Qcow2Cipher
{
    private const int KeyLength = 16;
    private readonly AesSectorCipher _cipher;

    public LegacyAesCipher(string passphrase)
    {
        byte[] key = new byte[KeyLength];
        byte[] bytes = Encoding.UTF8.GetBytes(passphrase);
        bytes.AsSpan(0, Math.Min(bytes.Length, KeyLength)).CopyTo(key);
        _cipher = new AesSectorCipher(AesSectorMode.CbcPlain, key);
    }

    public override void Decrypt(Span<byte> sectors, long offset, long hostOffset) => _cipher.Decrypt(sectors, offset / SectorLength);

    public override void Dispose() => _cipher.Dispose();
}
