using System;
using System.Collections.Generic;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Diagnostics;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Sessions;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots;

public sealed partial class SnapshotRepository
{
    private const int MaxReasonLength = 1024;

    /// <summary>Puts a snapshot under a legal hold: it is not given up, by whatever rule or command, until every hold on it is released.</summary>
    /// <param name="id">The snapshot's id.</param>
    /// <param name="reason">Why, for people; at most 1024 characters.</param>
    /// <param name="cancellationToken">Ends the wait; the hold may then stand or not.</param>
    /// <returns>The hold, which is durable where the store promises durability.</returns>
    /// <exception cref="SnapshotNotFoundException">There is no such snapshot, or it was given up.</exception>
    /// <exception cref="ArgumentException">The reason is too long.</exception>
    public async Task<SnapshotHold> HoldAsync(string id, string reason, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(reason);
        if (reason.Length > MaxReasonLength)
        {
            throw new ArgumentException($"The reason of a hold has at most {MaxReasonLength} characters, not {reason.Length}.", nameof(reason));
        }

        CommittedSnapshot committed = await FindAsync(id, cancellationToken).ConfigureAwait(false);
        string hold = ObjectNames.HoldPrefix + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
        HoldRecord record = ReaderPin.Describe(_context, reason);
        await _context.TryCreateRecordAsync(ObjectNames.Pin(committed.Id, hold), RecordKind.Pin, record.ToBody(), cancellationToken).ConfigureAwait(false);
        await _context.Store.FlushAsync(cancellationToken).ConfigureAwait(false);

        // First the pin, then the look: whoever retires looks for pins first, so that one of the two sees the other.
        if (await _context.Store.ExistsAsync(ObjectNames.Retired(committed.Id), cancellationToken).ConfigureAwait(false))
        {
            await ReleaseAsync(committed.Id, hold, cancellationToken).ConfigureAwait(false);
            throw new SnapshotNotFoundException($"Snapshot {id} was given up and cannot be held any more.");
        }

        Log.HoldPlaced(_context.Logger, id, hold);
        return new SnapshotHold(id, hold, reason, record.Writer, record.Time);
    }

    /// <summary>Releases every legal hold on a snapshot.</summary>
    /// <param name="id">The snapshot's id.</param>
    /// <param name="cancellationToken">Ends the wait; some holds may then be released and others not.</param>
    /// <returns>How many holds were released.</returns>
    /// <exception cref="SnapshotNotFoundException">There is no such snapshot.</exception>
    public async Task<int> ReleaseHoldsAsync(string id, CancellationToken cancellationToken = default)
    {
        CommittedSnapshot committed = await FindAsync(id, cancellationToken).ConfigureAwait(false);
        List<(SessionId Session, string Hold)> active = await ListActiveHoldsAsync(ObjectNames.Session(committed.Id), cancellationToken).ConfigureAwait(false);
        foreach ((SessionId session, string hold) in active)
        {
            await ReleaseAsync(session, hold, cancellationToken).ConfigureAwait(false);
        }

        return active.Count;
    }

    /// <summary>Lists the legal holds that stand.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The holds, by snapshot.</returns>
    /// <exception cref="RepositoryCorruptException">The record of a hold is damaged.</exception>
    public async Task<IReadOnlyList<SnapshotHold>> ListHoldsAsync(CancellationToken cancellationToken = default)
    {
        List<SnapshotHold> holds = [];
        foreach ((SessionId session, string id) in await ListActiveHoldsAsync(ObjectNames.Sessions, cancellationToken).ConfigureAwait(false))
        {
            string name = ObjectNames.Pin(session, id);
            if (await _context.TryReadRecordAsync(name, RecordKind.Pin, cancellationToken).ConfigureAwait(false) is { } body)
            {
                HoldRecord record = HoldRecord.Read(name, body);
                holds.Add(new SnapshotHold(session.ToString(), id, record.Reason, record.Writer, record.Time));
            }
        }

        return holds;
    }

    private async ValueTask<string?> FindActiveHoldAsync(SessionId session, CancellationToken cancellationToken)
    {
        List<(SessionId Session, string Hold)> active = await ListActiveHoldsAsync(ObjectNames.Session(session), cancellationToken).ConfigureAwait(false);
        return active.Count == 0 ? null : active[0].Hold;
    }

    // What a hold is stands in its name: a listing is enough, and a damaged record holds as well as a whole one.
    private async ValueTask<List<(SessionId Session, string Hold)>> ListActiveHoldsAsync(string prefix, CancellationToken cancellationToken)
    {
        List<(SessionId Session, string Hold)> placed = [];
        HashSet<(SessionId Session, string Hold)> released = [];
        await foreach (ObjectInfo info in _context.Store.ListAsync(prefix, null, cancellationToken).ConfigureAwait(false))
        {
            if (ObjectNames.TryParseSession(info.Name, out SessionId session, out string part) && ObjectNames.TryParsePin(part, out string id, out bool isReleased)
                && id.StartsWith(ObjectNames.HoldPrefix, StringComparison.Ordinal))
            {
                if (isReleased)
                {
                    released.Add((session, id));
                }
                else
                {
                    placed.Add((session, id));
                }
            }
        }

        placed.RemoveAll(released.Contains);
        return placed;
    }

    private async ValueTask ReleaseAsync(SessionId session, string hold, CancellationToken cancellationToken)
    {
        HoldRecord record = ReaderPin.Describe(_context, string.Empty);
        await _context.TryCreateRecordAsync(ObjectNames.PinReleased(session, hold), RecordKind.PinReleased, record.ToBody(), cancellationToken).ConfigureAwait(false);
        await _context.Store.FlushAsync(cancellationToken).ConfigureAwait(false);
        string snapshotId = session.ToString();
        Log.HoldReleased(_context.Logger, snapshotId, hold);
    }
}
