using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Diagnostics;
using CloudImage.Sdk.Snapshots.Encryption;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Sessions;
using CloudImage.Sdk.Snapshots.Signing;

namespace CloudImage.Sdk.Snapshots;

public sealed partial class SnapshotRepository
{
    /// <summary>Gives a snapshot up. Its space is free once it was collected; until then it only cannot be found any more.</summary>
    /// <param name="id">The snapshot's id.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that ends when the snapshot is given up.</returns>
    /// <exception cref="SnapshotNotFoundException">There is no such snapshot.</exception>
    /// <exception cref="SnapshotHeldException">It is under a legal hold.</exception>
    /// <remarks>No other snapshot loses anything by this. Giving up twice is success. It needs no key: a snapshot whose keys were destroyed can be given up.</remarks>
    public async Task DeleteAsync(string id, CancellationToken cancellationToken = default)
    {
        await RetireAsync(await FindCommittedAsync(id, cancellationToken).ConfigureAwait(false), "deleted", null, cancellationToken).ConfigureAwait(false);
        await _context.Store.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<SessionId> FindCommittedAsync(string id, CancellationToken cancellationToken)
    {
        try
        {
            return (await FindAsync(id, cancellationToken).ConfigureAwait(false)).Id;
        }
        catch (RepositoryKeyException) when (SessionId.TryParse(id, out SessionId session))
        {
            // Its fate and its prep were read and agree; the sealed descriptor alone was not.
            return session;
        }
    }

    // A hold that is placed between the look and the creation does not keep the snapshot on the list; what it holds stays all the same,
    // for collection takes nothing of a retired snapshot that is pinned.
    private async ValueTask RetireAsync(SessionId id, string reason, SnapshotSigner? signer, CancellationToken cancellationToken)
    {
        if (await FindActiveHoldAsync(id, cancellationToken).ConfigureAwait(false) is { } hold)
        {
            throw new SnapshotHeldException($"Snapshot {id} is under the legal hold '{hold}', and is not given up before that is released.");
        }

        RetiredRecord retired = new() { Time = _context.TimeProvider.GetUtcNow(), Writer = RepositoryContext.WriterName, Reason = reason };
        retired = signer is null ? retired : retired.Sign(id, signer);
        await _context.TryCreateRecordAsync(ObjectNames.Retired(id), RecordKind.Retired, retired.ToBody(), cancellationToken).ConfigureAwait(false);
        string snapshotId = id.ToString();
        Log.SnapshotRetired(_context.Logger, snapshotId);
    }
}
