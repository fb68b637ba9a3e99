using System;
using System.Collections.Generic;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Diagnostics;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Sessions;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots.Collection;

/// <summary>
/// One collection: the steps G0 to G7 of FORMAT.md. All that is decided stands in the store, so that any collector can end what
/// another one began. One use each.
/// </summary>
internal sealed class RepositoryCollector
{
    private const int MaxAttempts = 16;
    private readonly RepositoryContext _context;
    private readonly CollectOptions _options;
    private readonly IProgress<CollectProgress>? _progress;
    private readonly LiveReader _live;
    private readonly CollectTally _tally = new();

    public RepositoryCollector(RepositoryContext context, CollectOptions options, IProgress<CollectProgress>? progress)
    {
        _context = context;
        _options = options;
        _progress = progress;
        _live = new LiveReader(context);
    }

    public async Task<CollectResult> ExecuteAsync(CancellationToken cancellationToken)
    {
        _tally.IsAgeBased = await _context.IsAgeBasedAsync(cancellationToken).ConfigureAwait(false);
        if (_tally.IsAgeBased)
        {
            Log.CollectionByAge(_context.Logger, _context.Store.Location, _options.GracePeriod);
        }

        for (int attempt = 0; attempt < MaxAttempts; attempt++)
        {
            if (await TryCollectAsync(cancellationToken).ConfigureAwait(false))
            {
                if (!_options.IsDryRun)
                {
                    _tally.DeletedSegments += await new SegmentCollector(_context).CollectAsync(cancellationToken).ConfigureAwait(false);
                    _tally.DeletedTraces += await new TraceCollector(_context).CollectAsync(cancellationToken).ConfigureAwait(false);
                }

                return _tally.ToResult(_options.IsDryRun);
            }
        }

        throw new SnapshotRepositoryException($"{MaxAttempts} times another collector took the generation that this one was about to make.") { IsTransient = true };
    }

    /// <summary>One round.</summary>
    /// <returns>False where another collector took the generation: everything is to be listed anew.</returns>
    private async ValueTask<bool> TryCollectAsync(CancellationToken cancellationToken)
    {
        // G0.
        GenerationView view = await GenerationView.ReadAsync(_context, 0, cancellationToken).ConfigureAwait(false);
        _context.Moves.Update(view);
        foreach (Generation generation in view.Generations)
        {
            if (!generation.IsDone)
            {
                _tally.Adopted.Add(generation.Number);
                if (!_options.IsDryRun && !await TryFinishAsync(generation, null, cancellationToken).ConfigureAwait(false))
                {
                    // It waits for its time. A second one beside it would only wait longer.
                    return true;
                }
            }
        }

        // G1 to G3.
        SessionSurvey survey = await SessionSurvey.ReadFirstAsync(_context, cancellationToken).ConfigureAwait(false);
        if (await AbortAsync(survey, cancellationToken).ConfigureAwait(false))
        {
            survey = await SessionSurvey.ReadFirstAsync(_context, cancellationToken).ConfigureAwait(false);
        }

        IReadOnlyCollection<LivePrep> preps = await _live.ReadAsync(survey, (done, total) => Report(CollectStage.Marking, done, total), cancellationToken).ConfigureAwait(false);
        RefSet live = new();
        foreach (LivePrep prep in preps)
        {
            live.UnionWith(prep.Refs);
        }

        _context.Moves.Expand(live);
        RefSet candidates = FindCandidates(survey, live);
        long number = view.Newest + 1;

        // Moves of a collector that died before its cond: they never count, and their number is of no use to a compaction.
        bool isSpoilt = _options.CompactBelow > 0 && await _context.Store.ExistsAsync(ObjectNames.Generation(number, "moves"), cancellationToken).ConfigureAwait(false);
        MovesRecord? moves = _options.CompactBelow > 0 && (!isSpoilt || _options.IsDryRun) ? await CompactAsync(survey, preps, cancellationToken).ConfigureAwait(false) : null;
        if (_options.IsDryRun || (candidates.Count == 0 && moves is null && !isSpoilt))
        {
            return true;
        }

        return await TryCondemnAsync(number, candidates, moves, survey, cancellationToken).ConfigureAwait(false) && !isSpoilt;
    }

    private async ValueTask<MovesRecord?> CompactAsync(SessionSurvey survey, IReadOnlyCollection<LivePrep> preps, CancellationToken cancellationToken)
    {
        using Compactor compactor = new(_context, _options, _tally, Report);
        List<PackId> chosen = await compactor.ChooseAsync(survey, preps, cancellationToken).ConfigureAwait(false);
        if (_options.IsDryRun)
        {
            _tally.CompactedPacks = chosen.Count;
            _tally.CopiedBytes = compactor.CountBytes(chosen);
            return null;
        }

        if (chosen.Count == 0)
        {
            return null;
        }

        MovesRecord moves = await compactor.CopyAsync(chosen, cancellationToken).ConfigureAwait(false);
        if (moves.Packs.Count > 0)
        {
            return moves;
        }

        await WriteSession.TryAbortAsync(_context, moves.Session, cancellationToken).ConfigureAwait(false);
        return null;
    }

    // G3. A session without a fate keeps its own packs, whatever its preps say; fates were listed after packs.
    private RefSet FindCandidates(SessionSurvey survey, RefSet live)
    {
        RefSet candidates = new();
        _tally.BeginRound();
        foreach ((PackId pack, long length) in survey.Packs)
        {
            SessionState state = survey.StateOf(pack.Session);
            bool isLive = live.Contains(pack);
            if (state.HasFate && !isLive)
            {
                candidates.Add(pack);
            }

            _tally.Note(pack, length, Explain(state, pack.Session, isLive));
        }

        return candidates;
    }

    private CollectReason? Explain(SessionState state, SessionId session, bool isLive)
    {
        if (!state.HasFate)
        {
            return CollectReason.Undecided;
        }

        bool isCommitted = _live.FateOf(session) is { IsCommit: true };
        if (isLive)
        {
            return isCommitted && !state.IsRetired ? null : CollectReason.Shared;
        }

        return !isCommitted ? CollectReason.Aborted : state.IsRetired ? CollectReason.Retired : CollectReason.Unreferenced;
    }

    // G1. The write-once fate decides: a writer that was thought dead finds it and begins again.
    private async ValueTask<bool> AbortAsync(SessionSurvey survey, CancellationToken cancellationToken)
    {
        HashSet<SessionId> wanted = [];
        foreach (string text in _options.AbortSessions)
        {
            if (!SessionId.TryParse(text, out SessionId session) || !survey.Sessions.TryGetValue(session, out SessionState? state))
            {
                throw new SnapshotNotFoundException($"There is no session '{text}' to give up.");
            }

            if (!state.HasFate)
            {
                wanted.Add(session);
            }
        }

        DateTimeOffset now = _context.TimeProvider.GetUtcNow();
        foreach ((SessionId session, SessionState state) in survey.Sessions)
        {
            if (!state.HasFate && _options.AbortSessionsIdleFor is { } age && now - state.LastTrace >= age)
            {
                wanted.Add(session);
            }
        }

        foreach (SessionId session in wanted)
        {
            if (_options.IsDryRun || await WriteSession.TryAbortAsync(_context, session, cancellationToken).ConfigureAwait(false))
            {
                _tally.Aborted.Add(session.ToString());
            }
        }

        if (wanted.Count > 0 && !_options.IsDryRun)
        {
            await _context.Store.FlushAsync(cancellationToken).ConfigureAwait(false);
        }

        if (_options.IsDryRun)
        {
            foreach (SessionId session in wanted)
            {
                survey.StateOf(session).HasFate = true;
                _live.Assume(session);
            }
        }

        return wanted.Count > 0 && !_options.IsDryRun;
    }

    // G4: create-if-absent decides whose generation it is. An answer that got lost shows as our own bytes.
    private async ValueTask<bool> TryCondemnAsync(long number, RefSet candidates, MovesRecord? moves, SessionSurvey survey, CancellationToken cancellationToken)
    {
        byte[] movesHash = [];
        if (moves is not null)
        {
            string movesName = ObjectNames.Generation(number, "moves");
            byte[] content = RecordFile.Seal(movesName, RecordKind.Moves, moves.ToBody().Span);
            if (await TryCreateOrMeetAsync(movesName, content, cancellationToken).ConfigureAwait(false))
            {
                movesHash = SHA256.HashData(content);
                candidates = With(candidates, moves);
            }
            else
            {
                // Another collector's moves have the name, and perhaps no generation ever: ours are of no use, and this one goes without.
                await GiveUpCopiesAsync(moves, cancellationToken).ConfigureAwait(false);
            }
        }

        CondemnedRecord condemned = new() { CreatedAt = _context.TimeProvider.GetUtcNow(), Collector = RepositoryContext.WriterName, MovesHash = movesHash, Refs = candidates };
        string name = ObjectNames.Generation(number, "cond");
        await _context.Store.FlushAsync(cancellationToken).ConfigureAwait(false);
        if (!await TryCreateOrMeetAsync(name, RecordFile.Seal(name, RecordKind.Condemned, condemned.ToBody().Span), cancellationToken).ConfigureAwait(false))
        {
            if (movesHash.Length > 0)
            {
                await GiveUpCopiesAsync(moves!, cancellationToken).ConfigureAwait(false);
            }

            return false;
        }

        await _context.Store.FlushAsync(cancellationToken).ConfigureAwait(false);
        Log.GenerationCondemned(_context.Logger, number, candidates.Count);
        _tally.Generation = number;
        GenerationView view = await GenerationView.ReadAsync(_context, number - 1, cancellationToken).ConfigureAwait(false);
        foreach (Generation generation in view.Generations)
        {
            if (generation.Number == number)
            {
                await TryFinishAsync(generation, survey, cancellationToken).ConfigureAwait(false);
            }
        }

        return moves is null || movesHash.Length > 0;
    }

    private static RefSet With(RefSet candidates, MovesRecord moves)
    {
        RefSet all = new();
        all.UnionWith(candidates);
        foreach (MovedPack pack in moves.Packs)
        {
            all.Add(pack.Source);
        }

        return all;
    }

    private async ValueTask GiveUpCopiesAsync(MovesRecord moves, CancellationToken cancellationToken)
    {
        _tally.CompactedPacks = 0;
        _tally.CopiedBytes = 0;
        await WriteSession.TryAbortAsync(_context, moves.Session, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>G5 to G7 of a generation, whoever condemned it.</summary>
    /// <returns>False where its packs are condemned for too short a time, in a store that is collected by age.</returns>
    private async ValueTask<bool> TryFinishAsync(Generation generation, SessionSurvey? known, CancellationToken cancellationToken)
    {
        if (_tally.IsAgeBased && generation.CondemnedAt + _options.GracePeriod > _context.TimeProvider.GetUtcNow())
        {
            _tally.WaitsUntil = generation.CondemnedAt + _options.GracePeriod;
            return false;
        }

        if (generation.Moves is { } moves)
        {
            // With cond the copies live through moves alone; their session ends, whoever's it was.
            await WriteSession.TryAbortAsync(_context, moves.Session, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            await GiveUpUnnamedCopiesAsync(generation.Number, cancellationToken).ConfigureAwait(false);
        }

        RefSet sweep = generation.Sweep ?? await DecideAsync(generation, cancellationToken).ConfigureAwait(false);

        // Deleting before the sweep is durable could leave a pack gone and nobody who knows it for dead.
        await _context.Store.FlushAsync(cancellationToken).ConfigureAwait(false);
        await DeleteAsync(sweep, known, cancellationToken).ConfigureAwait(false);
        DoneRecord done = new() { EndedAt = _context.TimeProvider.GetUtcNow(), Collector = RepositoryContext.WriterName, Packs = sweep.Count };
        await _context.TryCreateRecordAsync(ObjectNames.Generation(generation.Number, "done"), RecordKind.GenerationDone, done.ToBody(), cancellationToken).ConfigureAwait(false);
        await _context.Store.FlushAsync(cancellationToken).ConfigureAwait(false);
        Log.GenerationDone(_context.Logger, generation.Number, sweep.Count);
        if (generation.Moves is not null)
        {
            await _context.Moves.RefreshAsync(_context, IO.IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
        }

        return true;
    }

    // Moves that cond does not name can never count: the copies of the collector that lost this generation, or died before it, are garbage.
    private async ValueTask GiveUpUnnamedCopiesAsync(long number, CancellationToken cancellationToken)
    {
        string name = ObjectNames.Generation(number, "moves");
        if (await _context.TryReadRecordAsync(name, RecordKind.Moves, cancellationToken).ConfigureAwait(false) is { } body)
        {
            await WriteSession.TryAbortAsync(_context, MovesRecord.Read(name, body).Session, cancellationToken).ConfigureAwait(false);
        }
    }

    // G5: whoever lists first writes the sweep; the others take it as it is.
    private async ValueTask<RefSet> DecideAsync(Generation generation, CancellationToken cancellationToken)
    {
        SessionSurvey again = await SessionSurvey.ReadAgainAsync(_context, cancellationToken).ConfigureAwait(false);
        IReadOnlyCollection<LivePrep> preps = await _live.ReadAsync(again, null, cancellationToken).ConfigureAwait(false);

        // The moves of this generation lead on from its sources, but only for the snapshots that they cover.
        _context.Moves.Update(await GenerationView.ReadAsync(_context, 0, cancellationToken).ConfigureAwait(false));
        RefSet live = new();
        RefSet covered = new();
        HashSet<PackId> sources = [];
        foreach (LivePrep prep in preps)
        {
            bool isCovered = prep.IsCommitted && generation.Moves?.Covered.Contains(prep.Session) == true;
            (isCovered ? covered : live).UnionWith(prep.Refs);
        }

        foreach (MovedPack pack in generation.Moves?.Packs ?? [])
        {
            sources.Add(pack.Source);
        }

        _context.Moves.Expand(live);
        _context.Moves.Expand(covered);
        RefSet sweep = new();
        foreach (PackId pack in generation.Condemned.Refs)
        {
            if (!live.Contains(pack) && (!covered.Contains(pack) || sources.Contains(pack)))
            {
                sweep.Add(pack);
            }
        }

        RecordWriter writer = new();
        sweep.Write(writer);
        string name = ObjectNames.Generation(generation.Number, "sweep");
        if (await _context.TryCreateRecordAsync(name, RecordKind.Sweep, writer.Written, cancellationToken).ConfigureAwait(false) is null)
        {
            sweep = await GenerationCache.ReadSweepAsync(_context, generation.Number, cancellationToken).ConfigureAwait(false)
                ?? throw new RepositoryCorruptException(name, 0, "the sweep exists and cannot be found.");
        }

        _tally.Spared += generation.Condemned.Refs.Count - sweep.Count;
        return sweep;
    }

    // G6.
    private async ValueTask DeleteAsync(RefSet sweep, SessionSurvey? known, CancellationToken cancellationToken)
    {
        const int BatchLength = 256;
        Dictionary<PackId, long> lengths = known?.Packs ?? (await SessionSurvey.ReadPacksAsync(_context, cancellationToken).ConfigureAwait(false)).Packs;
        List<string> names = new(BatchLength);
        long done = 0;
        foreach (PackId pack in sweep)
        {
            if (lengths.TryGetValue(pack, out long length))
            {
                _tally.DeletedPacks++;
                _tally.DeletedBytes += length;
            }

            names.Add(pack.ToString());
            if (names.Count == BatchLength)
            {
                await _context.Store.DeleteAsync(names, cancellationToken).ConfigureAwait(false);
                names.Clear();
                Report(CollectStage.Deleting, done += BatchLength, sweep.Count);
            }
        }

        await _context.Store.DeleteAsync(names, cancellationToken).ConfigureAwait(false);
        Report(CollectStage.Deleting, sweep.Count, sweep.Count);
    }

    private async ValueTask<bool> TryCreateOrMeetAsync(string name, byte[] content, CancellationToken cancellationToken) =>
        await _context.Store.TryCreateAsync(name, content, ObjectCreateOptions.Default, cancellationToken).ConfigureAwait(false)
        || (await _context.TryReadObjectAsync(name, RecordFile.MaxBodyLength, cancellationToken).ConfigureAwait(false) is { } present && present.AsSpan().SequenceEqual(content));

    private void Report(CollectStage stage, long done, long total) => _progress?.Report(new CollectProgress(stage, done, total));
}
