using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots.Records;

namespace CloudImage.Sdk.Snapshots.Collection;

/// <summary>Reads which declarations keep packs alive. What it has read once is not read again: fates and preps never change.</summary>
/// <remarks>
/// A record that cannot be read ends the collection: what it refers to is not known, and nothing may be deleted on a guess.
/// </remarks>
internal sealed class LiveReader
{
    private readonly RepositoryContext _context;
    private readonly ConcurrentDictionary<SessionId, FateRecord> _fates = new();
    private readonly ConcurrentDictionary<(SessionId Session, int Number), RefSet> _preps = new();

    public LiveReader(RepositoryContext context) => _context = context;

    /// <summary>The decision of a session; null where it was not read, because the session has none.</summary>
    public FateRecord? FateOf(SessionId session) => _fates.GetValueOrDefault(session);

    /// <summary>Takes a session for given up, in a dry run that would give it up.</summary>
    public void Assume(SessionId session) =>
        _fates[session] = FateRecord.Abort(new byte[FateRecord.NonceLength]);

    /// <summary>Reads the preps that count by a survey: all of a session without a fate; of a committed one the fated, unless it was given up and is not pinned.</summary>
    /// <exception cref="RepositoryCorruptException">A fate or a prep is missing or damaged.</exception>
    public async ValueTask<IReadOnlyCollection<LivePrep>> ReadAsync(SessionSurvey survey, Action<long, long>? progress, CancellationToken cancellationToken)
    {
        ConcurrentBag<LivePrep> found = [];
        long done = 0;
        ParallelOptions options = new() { MaxDegreeOfParallelism = _context.Store.Capabilities.PreferredConcurrency, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(survey.Sessions, options, async (session, token) =>
        {
            if (!session.Value.HasFate)
            {
                foreach (int number in session.Value.Preps)
                {
                    found.Add(new LivePrep(session.Key, number, false, await PrepAsync(session.Key, number, token).ConfigureAwait(false)));
                }
            }
            else if (await FateAsync(session.Key, token).ConfigureAwait(false) is { IsCommit: true } fate && (!session.Value.IsRetired || session.Value.IsPinned))
            {
                // Read by its name, whether a listing showed it or not.
                found.Add(new LivePrep(session.Key, fate.Prep, true, await PrepAsync(session.Key, fate.Prep, token).ConfigureAwait(false)));
            }

            progress?.Invoke(Interlocked.Increment(ref done), survey.Sessions.Count);
        }).ConfigureAwait(false);
        List<LivePrep> live = [.. found];
        live.Sort(static (left, right) => left.Session != right.Session ? left.Session.CompareTo(right.Session) : left.Number.CompareTo(right.Number));
        return live;
    }

    private async ValueTask<FateRecord> FateAsync(SessionId session, CancellationToken cancellationToken)
    {
        if (!_fates.TryGetValue(session, out FateRecord? fate))
        {
            string name = ObjectNames.Fate(session);
            ReadOnlyMemory<byte> body = await _context.TryReadRecordAsync(name, RecordKind.Fate, cancellationToken).ConfigureAwait(false)
                ?? throw new RepositoryCorruptException(name, 0, "the fate was listed and is missing.");
            fate = FateRecord.Read(name, body);
            _fates.TryAdd(session, fate);
        }

        return fate;
    }

    private async ValueTask<RefSet> PrepAsync(SessionId session, int number, CancellationToken cancellationToken)
    {
        if (!_preps.TryGetValue((session, number), out RefSet? refs))
        {
            string name = ObjectNames.Prep(session, number);
            ReadOnlyMemory<byte> body = await _context.TryReadRecordAsync(name, RecordKind.Prep, cancellationToken).ConfigureAwait(false)
                ?? throw new RepositoryCorruptException(name, 0, "the prep of a snapshot or of a session at work is missing.");
            refs = PrepRecord.Read(name, body).Refs;
            _preps.TryAdd((session, number), refs);
        }

        return refs;
    }
}
