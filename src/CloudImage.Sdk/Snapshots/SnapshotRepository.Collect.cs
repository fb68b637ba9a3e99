using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots.Collection;

namespace CloudImage.Sdk.Snapshots;

public sealed partial class SnapshotRepository
{
    /// <summary>Deletes what no snapshot refers to any more, beside any number of captures, readers and other collectors.</summary>
    /// <param name="options">What goes, and whether it does.</param>
    /// <param name="progress">Told how far it is; null for nobody. It may be told from several threads.</param>
    /// <param name="cancellationToken">Ends the work; the next collection, by whomever, ends what this one began.</param>
    /// <returns>What was done, or in a dry run would be done.</returns>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    /// <exception cref="SnapshotNotFoundException">A session that was to be given up is not there.</exception>
    /// <exception cref="RepositoryCorruptException">The decision or the declaration of a session cannot be read: what it refers to is not known, and nothing was condemned.</exception>
    /// <exception cref="Encryption.RepositoryKeyException">Trees of an encrypted repository are to be read, for compaction, and no key was given.</exception>
    /// <exception cref="SnapshotRepositoryException">Other collectors took every generation that this one was about to make.</exception>
    /// <remarks>
    /// Nobody takes a lock, and no clock decides, in a store that keeps what the probe asks for. A snapshot that is committed and
    /// was not given up loses nothing, whatever crashes or pauses when. The store has to allow deleting to whoever collects, and to nobody else.
    /// </remarks>
    public async Task<CollectResult> CollectAsync(CollectOptions options, IProgress<CollectProgress>? progress, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        return await new RepositoryCollector(_context, options, progress).ExecuteAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Tries whether the store keeps what a repository needs that several machines share; the objects made for it are deleted again.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>What it showed.</returns>
    /// <exception cref="Storage.ObjectStoreException">The store failed.</exception>
    public Task<StoreProbeResult> ProbeAsync(CancellationToken cancellationToken = default) => StoreProbe.RunAsync(_context.Store, cancellationToken);

    /// <summary>Tries whether a store keeps what a repository needs that several machines share, before there is one; the objects made for it are deleted again.</summary>
    /// <param name="store">The store, which stays the caller's.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>What it showed.</returns>
    /// <exception cref="Storage.ObjectStoreException">The store failed.</exception>
    public static Task<StoreProbeResult> ProbeAsync(Storage.ObjectStore store, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        return StoreProbe.RunAsync(store, cancellationToken);
    }
}
