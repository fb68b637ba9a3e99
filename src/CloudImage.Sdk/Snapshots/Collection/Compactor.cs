using System;
using System.Buffers;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Diagnostics;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Encryption;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Sessions;
using CloudImage.Sdk.Snapshots.Verification;

namespace CloudImage.Sdk.Snapshots.Collection;

/// <summary>Finds sparse packs and copies their live frames, byte for byte, into packs of a session of its own. One use each.</summary>
internal sealed class Compactor : IDisposable
{
    private const int MaxGap = 64 * 1024;
    private readonly RepositoryContext _context;
    private readonly CollectOptions _options;
    private readonly CollectTally _tally;
    private readonly Action<CollectStage, long, long> _report;
    private readonly FrameMarker _marker;
    private readonly HashSet<SessionId> _covered = [];

    public Compactor(RepositoryContext context, CollectOptions options, CollectTally tally, Action<CollectStage, long, long> report)
    {
        _context = context;
        _options = options;
        _tally = tally;
        _report = report;
        _marker = new FrameMarker(context);
    }

    /// <summary>Measures the packs that may be compacted, and chooses the sparsest.</summary>
    /// <param name="survey">The first listing.</param>
    /// <param name="preps">The declarations that keep packs alive.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>The packs, the sparsest first.</returns>
    public async ValueTask<List<PackId>> ChooseAsync(SessionSurvey survey, IReadOnlyCollection<LivePrep> preps, CancellationToken cancellationToken)
    {
        if (!_context.Protection.HasKeys)
        {
            throw new RepositoryKeyException("Compaction reads the trees of snapshots, which are encrypted, and no key was given.");
        }

        List<PackId> measured = FindMeasured(survey, preps);
        ParallelOptions parallel = new() { MaxDegreeOfParallelism = _context.Store.Capabilities.PreferredConcurrency, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(measured, parallel, async (pack, token) =>
            Warn(await _marker.LoadAsync(pack, survey.Packs[pack], token).ConfigureAwait(false))).ConfigureAwait(false);
        long done = 0;
        await Parallel.ForEachAsync(preps, parallel, async (prep, token) =>
        {
            if (prep.IsCommitted)
            {
                await MarkAsync(prep, token).ConfigureAwait(false);
            }

            _report(CollectStage.Measuring, Interlocked.Increment(ref done), preps.Count);
        }).ConfigureAwait(false);

        List<(PackId Pack, long Live, double Share)> sparse = [];
        foreach ((PackId pack, PackMarks marks) in _marker.Packs)
        {
            long bytes = marks.MarkedBytes;
            double share = (double)bytes / Math.Max(1, marks.TotalBytes);
            if (share < _options.CompactBelow)
            {
                sparse.Add((pack, bytes, share));
            }
        }

        sparse.Sort(static (left, right) => left.Share != right.Share ? left.Share.CompareTo(right.Share) : left.Pack.CompareTo(right.Pack));
        long left = _options.MaxCompactionBytes;
        List<PackId> chosen = [];
        foreach ((PackId pack, long bytes, double _) in sparse)
        {
            if (bytes <= left)
            {
                left -= bytes;
                chosen.Add(pack);
            }
        }

        return chosen;
    }

    /// <summary>How many bytes of frames a choice of packs would copy.</summary>
    public long CountBytes(List<PackId> chosen) => chosen.Sum(pack => _marker[pack].MarkedBytes);

    public void Dispose() => _marker.Dispose();

    /// <summary>Copies the live frames of packs. The copies are durable when this returns.</summary>
    /// <returns>Where they went; packs in which a live frame is damaged are left out.</returns>
    public async ValueTask<MovesRecord> CopyAsync(List<PackId> chosen, CancellationToken cancellationToken)
    {
        GenerationView view = await GenerationView.ReadAsync(_context, 0, cancellationToken).ConfigureAwait(false);
        SessionId session = await WriteSession.OpenForCopiesAsync(_context, view.Done, cancellationToken).ConfigureAwait(false);
        SessionOutput output = new(_context, session, 0, static _ => true, cancellationToken);
        List<(PackId Source, List<(uint From, FramePlace To)> Frames)> moved = [];
        long total = CountBytes(chosen);
        await using (output.ConfigureAwait(false))
        {
            foreach (PackId source in chosen)
            {
                List<(uint From, FramePlace To)> frames = [];
                if (await TryCopyAsync(source, _marker[source], source.Kind == PackKind.Data ? output.DataPacks : output.TreePacks, frames, cancellationToken).ConfigureAwait(false))
                {
                    moved.Add((source, frames));
                    _tally.CompactedPacks++;
                }

                _report(CollectStage.Compacting, _tally.CopiedBytes, total);
            }

            await output.CompleteAsync(cancellationToken).ConfigureAwait(false);
        }

        await _context.Store.FlushAsync(cancellationToken).ConfigureAwait(false);
        Log.PacksCompacted(_context.Logger, _tally.CopiedBytes, moved.Count);
        return Describe(session, moved);
    }

    // A pack that an undecided session refers to is left alone: what it needs of it is not known. So is one that moves lead to while
    // somebody still goes by them, and one of a session that may still be written.
    private List<PackId> FindMeasured(SessionSurvey survey, IReadOnlyCollection<LivePrep> preps)
    {
        RefSet direct = new();
        RefSet undecided = new();
        foreach (LivePrep prep in preps)
        {
            (prep.IsCommitted ? direct : undecided).UnionWith(prep.Refs);
        }

        List<PackId> measured = [];
        foreach (PackId pack in survey.Packs.Keys)
        {
            bool mayMove = direct.Contains(pack) && !undecided.Contains(pack) && survey.StateOf(pack.Session).HasFate && !_context.Moves.IsSource(pack);
            if (mayMove && !_context.Moves.IsTargetOf(pack, direct) && !_context.Moves.IsTargetOf(pack, undecided))
            {
                measured.Add(pack);
            }
        }

        measured.Sort();
        return measured;
    }

    private async ValueTask MarkAsync(LivePrep prep, CancellationToken cancellationToken)
    {
        try
        {
            CommittedSnapshot snapshot = await CommittedSnapshot.TryReadAsync(_context, prep.Session, false, cancellationToken).ConfigureAwait(false)
                ?? throw new RepositoryCorruptException(ObjectNames.Fate(prep.Session), 0, "the snapshot that was marked is not committed.");
            await _marker.WalkAsync(snapshot.Descriptor, cancellationToken).ConfigureAwait(false);
            lock (_covered)
            {
                _covered.Add(prep.Session);
            }
        }
        catch (RepositoryCorruptException exception)
        {
            // Plain collection goes by the refs alone and stays as safe as it is; only compaction keeps away from what it cannot read.
            Warn($"Snapshot {prep.Session} is not compacted: {exception.Message}");
            RefSet refs = new();
            refs.UnionWith(prep.Refs);
            _context.Moves.Expand(refs);
            _marker.Exclude(refs);
        }
    }

    private async ValueTask<bool> TryCopyAsync(PackId source, PackMarks marks, PackStream destination, List<(uint From, FramePlace To)> moved, CancellationToken cancellationToken)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(FrameRange.MaxLength + FrameHeader.MaxPlainLength + FrameHeader.SizeInBytes);
        byte[] plain = ArrayPool<byte>.Shared.Rent(FrameHeader.MaxPlainLength);
        try
        {
            PackSlot[] slots = await PackReader.ReadSlotsAsync(_context.Store, source, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
            List<PackSlot> live = [.. slots.Where(slot => marks.IsMarked(slot.Offset))];
            for (int from = 0; from < live.Count;)
            {
                int to = FrameRange.EndOf(live, slot => new FramePlace(source, slot.Offset, slot.Length), from, MaxGap);
                long start = live[from].Offset;
                int length = (int)(live[to - 1].Offset + live[to - 1].Length - start);
                await PackReader.ReadExactlyAsync(_context.Store, source.ToString(), buffer.AsMemory(0, length), start, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
                for (; from < to; from++)
                {
                    ReadOnlyMemory<byte> frame = buffer.AsMemory((int)(live[from].Offset - start), (int)live[from].Length);
                    if (PackVerifier.Check(_context, live[from].Header, frame.Span, plain) is { } message)
                    {
                        throw new RepositoryCorruptException(source.ToString(), live[from].Offset, message);
                    }

                    FramePlace place = await destination.AppendAsync(frame, live[from].Header, cancellationToken).ConfigureAwait(false);
                    moved.Add((live[from].Offset, place));
                    _tally.CopiedBytes += frame.Length;
                }
            }

            return true;
        }
        catch (RepositoryCorruptException exception)
        {
            // Damage is not copied: the pack stays where it is, for verification and repair.
            Warn($"A pack is not compacted: {exception.Message}");
            return false;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
            ArrayPool<byte>.Shared.Return(plain);
        }
    }

    private MovesRecord Describe(SessionId session, List<(PackId Source, List<(uint From, FramePlace To)> Frames)> moved)
    {
        Dictionary<PackId, int> numbers = [];
        List<PackId> targets = [];
        foreach ((PackId _, List<(uint From, FramePlace To)> frames) in moved)
        {
            foreach ((uint _, FramePlace to) in frames)
            {
                if (numbers.TryAdd(to.Pack, targets.Count))
                {
                    targets.Add(to.Pack);
                }
            }
        }

        PackId[] table = [.. targets];
        return new MovesRecord
        {
            Session = session,
            Covered = _covered,
            Targets = table,
            Packs =
            [
                .. moved.ConvertAll(pack => new MovedPack(
                    pack.Source,
                    table,
                    [.. pack.Frames.ConvertAll(static frame => frame.From)],
                    [.. pack.Frames.ConvertAll(frame => numbers[frame.To.Pack])],
                    [.. pack.Frames.ConvertAll(static frame => frame.To.Offset)])),
            ],
        };
    }

    private void Warn(string? message)
    {
        if (message is not null)
        {
            lock (_tally.Warnings)
            {
                _tally.Warnings.Add(message);
            }
        }
    }
}
