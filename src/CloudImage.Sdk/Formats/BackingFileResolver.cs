using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats;

/// <summary>Opens the files that images name. The names are untrusted: a resolver decides what they may reach.</summary>
/// <remarks>Implementations are thread-safe.</remarks>
public abstract class BackingFileResolver
{
    /// <summary>Opens the bytes of a named file.</summary>
    /// <param name="reference">What an image names.</param>
    /// <param name="mode">How to work; with <see cref="IoMode.Synchronous"/> the returned task is complete.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The container, which the caller owns; null where none of the names can be found.</returns>
    /// <exception cref="DiskReferenceException">The reference is not allowed.</exception>
    public ValueTask<VirtualDisk?> ResolveAsync(DiskReference reference, IoMode mode, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(reference);
        return ResolveCoreAsync(reference, mode, cancellationToken);
    }

    /// <summary>Opens the bytes of a named file.</summary>
    /// <param name="reference">What an image names.</param>
    /// <param name="mode">How to work; with <see cref="IoMode.Synchronous"/> the returned task is complete.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The container, which the caller owns; null where none of the names can be found.</returns>
    protected abstract ValueTask<VirtualDisk?> ResolveCoreAsync(DiskReference reference, IoMode mode, CancellationToken cancellationToken);
}
