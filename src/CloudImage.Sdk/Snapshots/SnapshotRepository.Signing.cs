using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Sessions;
using CloudImage.Sdk.Snapshots.Signing;

namespace CloudImage.Sdk.Snapshots;

public sealed partial class SnapshotRepository
{
    /// <summary>Signs a snapshot that stands: its descriptor, which binds root, length, image, number and time, with its id and the repository's.</summary>
    /// <param name="id">The snapshot's id.</param>
    /// <param name="signer">Whose key; the caller disposes it.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Whether there was no signature by this key before.</returns>
    /// <exception cref="SnapshotNotFoundException">There is no such snapshot.</exception>
    /// <remarks>A capture signs what it makes with <see cref="CaptureOptions.Signer"/>. Any number of keys may sign.</remarks>
    public async Task<bool> SignAsync(string id, SnapshotSigner signer, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(signer);
        CommittedSnapshot snapshot = await FindAsync(id, cancellationToken).ConfigureAwait(false);
        StoredSignature signature = StoredSignature.Make(signer, SignatureChecker.Message(_context.IdentityOf(snapshot.Id), snapshot.Descriptor.ToArray()).Span);
        string name = ObjectNames.Signature(snapshot.Id, signer.PublicKey.Id);
        bool isNew = await _context.TryCreateRecordAsync(name, RecordKind.Signature, signature.ToArray(), cancellationToken).ConfigureAwait(false) is not null;
        await _context.Store.FlushAsync(cancellationToken).ConfigureAwait(false);
        return isNew;
    }

    /// <summary>Tells what a snapshot's signatures are worth to somebody who trusts certain keys.</summary>
    /// <param name="id">The snapshot's id.</param>
    /// <param name="trusted">The keys.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Valid where any of the keys signed it, here or, for a copy, where it was captured.</returns>
    /// <exception cref="SnapshotNotFoundException">There is no such snapshot.</exception>
    /// <exception cref="RepositoryCorruptException">A signature cannot be read.</exception>
    /// <remarks>A signature vouches for the descriptor and with it for the root; that what is stored has that root is for <see cref="VerifyAsync"/> to say.</remarks>
    public async Task<SignatureStatus> CheckSignatureAsync(string id, IReadOnlyCollection<SnapshotSignatureKey> trusted, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(trusted);
        return await SignatureChecker.CheckAsync(_context, await FindAsync(id, cancellationToken).ConfigureAwait(false), trusted, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Gives a snapshot up and signs that, so that the gap it leaves is explained.</summary>
    /// <param name="id">The snapshot's id.</param>
    /// <param name="signer">Whose key; the caller disposes it.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that ends when the snapshot is given up.</returns>
    /// <exception cref="SnapshotNotFoundException">There is no such snapshot.</exception>
    /// <exception cref="SnapshotHeldException">It is under a legal hold.</exception>
    public async Task DeleteAsync(string id, SnapshotSigner signer, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(signer);
        await RetireAsync(await FindCommittedAsync(id, cancellationToken).ConfigureAwait(false), "deleted", signer, cancellationToken).ConfigureAwait(false);
        await _context.Store.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Looks at every number of an image's sequence: snapshots that stand, that were given up and by whom, numbers that were never used, and gaps that nothing explains.</summary>
    /// <param name="image">Name of the image.</param>
    /// <param name="trusted">Keys that are trusted; with any, a snapshot or a prune that none of them signed is suspicious. None: signatures are not asked for.</param>
    /// <param name="expectedHead">Id of the newest snapshot that the caller saw before, or null. Records of the newest can be taken away without a gap; only who remembers it can tell.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>What was found.</returns>
    public async Task<SequenceAudit> AuditAsync(string image, IReadOnlyCollection<SnapshotSignatureKey> trusted, string? expectedHead, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(image);
        ArgumentNullException.ThrowIfNull(trusted);
        return await new SequenceAuditor(_context, image, trusted).ExecuteAsync(expectedHead, cancellationToken).ConfigureAwait(false);
    }
}
