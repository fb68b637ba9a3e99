using System;

namespace CloudImage.Sdk.Snapshots.Signing;

/// <summary>Signs snapshots and prunes. Implementations may be used from several threads at once.</summary>
public abstract class SnapshotSigner : IDisposable
{
    /// <summary>The public half of the key.</summary>
    public abstract SnapshotSignatureKey PublicKey { get; }

    /// <summary>Signs data.</summary>
    /// <param name="data">The data.</param>
    /// <returns>The signature, at most 4096 bytes.</returns>
    public byte[] Sign(ReadOnlySpan<byte> data) => SignCore(data);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Signs data.</summary>
    /// <param name="data">The data.</param>
    /// <returns>The signature.</returns>
    protected abstract byte[] SignCore(ReadOnlySpan<byte> data);

    /// <summary>Gives the private key up.</summary>
    /// <param name="disposing">Whether this is a disposal, not a finalization.</param>
    protected virtual void Dispose(bool disposing)
    {
    }
}
