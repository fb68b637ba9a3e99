using System;
using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>Stands for the cipher of an image whose passphrase was not given: its headers can be read, its content cannot.</summary>
internal sealed class LockedCipher(string format, long fileOffset, string feature) : Qcow2Cipher
{
    public UnsupportedDiskFeatureException Refusal() =>
        new(format, fileOffset, feature, $"the content is encrypted ({feature}): give a passphrase to read it.");

    public override void Decrypt(Span<byte> sectors, long offset, long hostOffset) => throw Refusal();

    public override void Dispose()
    {
    }
}
