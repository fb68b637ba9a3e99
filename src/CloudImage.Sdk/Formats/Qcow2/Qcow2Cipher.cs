using System;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>Decrypts the sectors of an encrypted image. Thread-safe.</summary>
internal abstract class Qcow2Cipher : IDisposable
{
    /// <summary>The unit of encryption in bytes, whatever the clusters.</summary>
    public const int SectorLength = 512;

    /// <summary>Decrypts whole sectors in place.</summary>
    /// <param name="sectors">The sectors.</param>
    /// <param name="offset">Position of the first one on the disk.</param>
    /// <param name="hostOffset">Position of the first one in the container.</param>
    public abstract void Decrypt(Span<byte> sectors, long offset, long hostOffset);

    public abstract void Dispose();
}
