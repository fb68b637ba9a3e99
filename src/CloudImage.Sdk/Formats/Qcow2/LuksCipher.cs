using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>The content of an image encrypted with a LUKS version 1 header; sectors are counted in the container.</summary>
internal sealed class LuksCipher : Qcow2Cipher
{
    private readonly AesSectorCipher _cipher;

    private LuksCipher(AesSectorCipher cipher) => _cipher = cipher;

    /// <summary>Reads the LUKS header and opens the key slot that the passphrase fits.</summary>
    public static async ValueTask<LuksCipher> OpenAsync(VirtualDisk container, Qcow2Header header, string passphrase, IoMode mode, CancellationToken cancellationToken)
    {
        if (header.EncryptionOffset == 0 || header.EncryptionOffset > container.Length - LuksHeader.Length)
        {
            throw Qcow2Header.Error(header.EncryptionOffset, "the image is encrypted with LUKS and has no place for its header, or one beyond the end of the image.");
        }

        byte[] bytes = new byte[LuksHeader.Length];
        await container.ReadAsync(bytes, header.EncryptionOffset, mode, cancellationToken).ConfigureAwait(false);
        LuksHeader luks = LuksHeader.Parse(bytes, header.EncryptionOffset);
        AesSectorCipher cipher = await luks.UnlockAsync(container, passphrase, mode, cancellationToken).ConfigureAwait(false);
        return new LuksCipher(cipher);
    }

    public override void Decrypt(Span<byte> sectors, long offset, long hostOffset) => _cipher.Decrypt(sectors, hostOffset / SectorLength);

    public override void Dispose() => _cipher.Dispose();
}
