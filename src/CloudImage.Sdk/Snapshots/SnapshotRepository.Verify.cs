using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots.Sessions;
using CloudImage.Sdk.Snapshots.Verification;

namespace CloudImage.Sdk.Snapshots;

public sealed partial class SnapshotRepository
{
    /// <summary>Looks for damage: every stored bit is covered at <see cref="VerifyLevel.Content"/>.</summary>
    /// <param name="options">What to look at, and how deep.</param>
    /// <param name="progress">Told how far it is; null for nobody.</param>
    /// <param name="cancellationToken">Ends the verification.</param>
    /// <returns>What was found; damage is not an exception here.</returns>
    /// <exception cref="SnapshotNotFoundException">The snapshot that was asked for is not there.</exception>
    public async Task<VerifyResult> VerifyAsync(VerifyOptions options, IProgress<SnapshotProgress>? progress, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        CommittedSnapshot? only = options.SnapshotId is { } id ? await FindAsync(id, cancellationToken).ConfigureAwait(false) : null;

        // A fresh context: what this one has cached was good when it was read and proves nothing now.
        RepositoryContext fresh = new(_context.Store, _context.Header, _context.Protection, _context.TimeProvider, _context.Logger);
        return await new RepositoryVerifier(fresh, options, progress).ExecuteAsync(only, cancellationToken).ConfigureAwait(false);
    }
}
