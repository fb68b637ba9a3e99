using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots.Encryption;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Replication;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots;

public sealed partial class SnapshotRepository
{
    /// <summary>Creates an empty repository that can take every frame of another one as it is: of the same chunk size, digest and keys, with an id of its own.</summary>
    /// <param name="store">The store, which holds no repository; owned by the repository from then on.</param>
    /// <param name="source">The repository that it is made after; the caller disposes it.</param>
    /// <param name="options">Key, clock and log of the new repository; whoever holds keys of the source holds the same ones of it.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The open repository.</returns>
    /// <exception cref="SnapshotRepositoryException">The store holds a repository already.</exception>
    public static async Task<SnapshotRepository> CreateReplicaAsync(
        ObjectStore store, SnapshotRepository source, SnapshotRepositoryOpenOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(options);
        if (await store.ExistsAsync(ObjectNames.Repository, cancellationToken).ConfigureAwait(false))
        {
            throw new SnapshotRepositoryException($"There is a repository at {store.Location} already.");
        }

        await CopyKeysAsync(source._context, store, cancellationToken).ConfigureAwait(false);
        RepositoryHeader like = source._context.Header;
        RepositoryHeader header = new() { Id = SessionId.NewRandom().ToString(), Digest = like.Digest, ChunkSize = like.ChunkSize, Encryption = like.Encryption };
        if (!await store.TryCreateAsync(ObjectNames.Repository, header.ToArray(), ObjectCreateOptions.Default, cancellationToken).ConfigureAwait(false))
        {
            throw new SnapshotRepositoryException($"There is a repository at {store.Location} already.");
        }

        await store.FlushAsync(cancellationToken).ConfigureAwait(false);
        return await OpenAsync(store, options, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Copies snapshots that other repositories lack into them. What they have in common does not travel.</summary>
    /// <param name="destinations">The other repositories, of the same digest and chunk size; the caller disposes them.</param>
    /// <param name="options">What is copied.</param>
    /// <param name="progress">Told at most ten times a second how far it is; null for nobody.</param>
    /// <param name="cancellationToken">Ends the work. Snapshots copied so far stay; the next run goes on where this one ended.</param>
    /// <returns>What each destination received.</returns>
    /// <exception cref="ArgumentException">There is no destination, one is given twice or is the source, or one has another digest or chunk size.</exception>
    /// <exception cref="RepositoryKeyException">The source or a destination was opened without its key.</exception>
    /// <exception cref="RepositoryCorruptException">The source is damaged where it is read; nothing damaged was committed.</exception>
    /// <remarks>
    /// <para>A chunk that several destinations lack is read once. Every chunk is decoded and digested, and every root computed again,
    /// before a copy is committed. Frames travel as they are where the destination has the keys that they are sealed with
    /// (<see cref="CreateReplicaAsync"/>), else they are sealed again, without being compressed again.</para>
    /// <para>A copy keeps image, time and tags of the original and names it as its <see cref="SnapshotInfo.Origin"/>; its id and number are the destination's own.
    /// What a destination has given up since is not copied again, and what the source gives up during the copy is left out.</para>
    /// </remarks>
    public Task<ReplicationResult> CopyToAsync(
        IReadOnlyList<SnapshotRepository> destinations, ReplicationOptions options, IProgress<SnapshotProgress>? progress, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(destinations);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfZero(destinations.Count);
        ArgumentOutOfRangeException.ThrowIfNegative(options.Concurrency);
        RequireKeys();
        foreach (SnapshotRepository destination in destinations)
        {
            ArgumentNullException.ThrowIfNull(destination, nameof(destinations));
            destination.RequireKeys();
            if (destination.Id == Id || destinations.Count(other => other.Id == destination.Id) > 1)
            {
                throw new ArgumentException($"The repository at {destination.Store.Location} is the source, or is named twice.", nameof(destinations));
            }

            if (destination.Digest != Digest || destination.ChunkSize != ChunkSize)
            {
                throw new ArgumentException(
                    $"The repository at {destination.Store.Location} has chunks of {destination.ChunkSize} bytes and {destination.Digest}, the source {ChunkSize} and {Digest}.", nameof(destinations));
            }
        }

        return new ReplicationRun(this, destinations, options, progress).ExecuteAsync(cancellationToken);
    }

    private void RequireKeys()
    {
        if (!HasKeys)
        {
            throw new RepositoryKeyException($"The repository at {Store.Location} was opened without its key.");
        }
    }

    // Wrapped secrets travel as they are. The marks that make them count come last, as when an epoch begins.
    private static async ValueTask CopyKeysAsync(RepositoryContext source, ObjectStore store, CancellationToken cancellationToken)
    {
        List<KeyObject> objects = [];
        await foreach (ObjectInfo info in source.Store.ListAsync(KeyObject.Prefix, null, cancellationToken).ConfigureAwait(false))
        {
            if (await source.TryReadObjectAsync(info.Name, KeyObject.MaximumLength + 1, cancellationToken).ConfigureAwait(false) is { } content)
            {
                objects.Add(KeyObject.Parse(info.Name, content));
            }
        }

        foreach (KeyObject key in objects.OrderBy(static key => key.IsMark))
        {
            if (key.IsMark)
            {
                await store.FlushAsync(cancellationToken).ConfigureAwait(false);
            }

            await store.TryCreateAsync(key.Name, key.ToArray(), new ObjectCreateOptions { Temperature = ObjectTemperature.Warm }, cancellationToken).ConfigureAwait(false);
        }

        await store.FlushAsync(cancellationToken).ConfigureAwait(false);
    }
}
