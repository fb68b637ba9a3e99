using System;
using System.Threading;
using System.Threading.Tasks;

namespace CloudImage.Sdk.Snapshots.Encryption;

/// <summary>A holder of the keys of encrypted repositories: wraps a secret so that only this holder gets it back.</summary>
/// <remarks>
/// <para>Implement it for a key management service: <see cref="WrapCoreAsync"/> is the service's "encrypt",
/// <see cref="TryUnwrapCoreAsync"/> its "decrypt", and the context goes where the service takes associated data.</para>
/// <para>Every member may be called from several threads at once. Disposal wipes what is held in memory.</para>
/// </remarks>
public abstract class KeyProvider : IDisposable
{
    /// <summary>The longest wrapped secret in bytes.</summary>
    public const int MaximumWrappedLength = 16 * 1024;

    private bool _isDisposed;

    /// <summary>The way of wrapping, such as <c>pbkdf2</c>: at most 32 lower-case ASCII letters, digits and <c>-</c>. It stands in the repository.</summary>
    public abstract string Kind { get; }

    /// <summary>Who holds the key, for people: a name, the thumbprint of a certificate. It stands in the repository, in clear, at most 200 characters.</summary>
    public virtual string Holder => string.Empty;

    /// <summary>Wraps a secret.</summary>
    /// <param name="secret">The secret, at most 128 bytes.</param>
    /// <param name="context">What the secret belongs to; unwrapping it in another context fails.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The wrapped secret with all that unwrapping needs, at most <see cref="MaximumWrappedLength"/> bytes.</returns>
    /// <exception cref="CloudImageException">The holder cannot wrap, or its service failed.</exception>
    public ValueTask<byte[]> WrapAsync(ReadOnlyMemory<byte> secret, ReadOnlyMemory<byte> context, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(secret.Length, 128);
        return WrapCoreAsync(secret, context, cancellationToken);
    }

    /// <summary>Unwraps a secret.</summary>
    /// <param name="wrapped">The wrapped secret, not trusted.</param>
    /// <param name="context">What the secret belongs to.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The secret; null: it was not wrapped for this holder, or is damaged.</returns>
    /// <exception cref="CloudImageException">The holder's service failed.</exception>
    public ValueTask<byte[]?> TryUnwrapAsync(ReadOnlyMemory<byte> wrapped, ReadOnlyMemory<byte> context, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return wrapped.Length > MaximumWrappedLength ? ValueTask.FromResult<byte[]?>(null) : TryUnwrapCoreAsync(wrapped, context, cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _isDisposed = true;
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Wraps a secret.</summary>
    /// <param name="secret">The secret.</param>
    /// <param name="context">What the secret belongs to.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The wrapped secret.</returns>
    protected abstract ValueTask<byte[]> WrapCoreAsync(ReadOnlyMemory<byte> secret, ReadOnlyMemory<byte> context, CancellationToken cancellationToken);

    /// <summary>Unwraps a secret.</summary>
    /// <param name="wrapped">The wrapped secret, not trusted.</param>
    /// <param name="context">What the secret belongs to.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The secret, or null.</returns>
    protected abstract ValueTask<byte[]?> TryUnwrapCoreAsync(ReadOnlyMemory<byte> wrapped, ReadOnlyMemory<byte> context, CancellationToken cancellationToken);

    /// <summary>Wipes what is held in memory.</summary>
    /// <param name="disposing">Whether <see cref="Dispose()"/> was called.</param>
    protected virtual void Dispose(bool disposing)
    {
    }
}
