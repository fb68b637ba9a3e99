using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Encryption;
using CloudImage.Sdk.Snapshots.Index;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Sessions;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots.Verification;

/// <summary>One verification of a repository, or of one snapshot.</summary>
internal sealed class RepositoryVerifier
{
    private readonly RepositoryContext _context;
    private readonly VerifyOptions _options;
    private readonly IProgress<SnapshotProgress>? _progress;
    private readonly ProblemList _problems;
    private readonly Dictionary<PackId, ObjectInfo> _packs = [];
    private readonly List<ObjectInfo> _segments = [];
    private readonly List<string> _unknown = [];
    private readonly List<string> _affected = [];
    private readonly List<string> _sealed = [];
    private readonly long _startedAt = Stopwatch.GetTimestamp();
    private long _objects;
    private long _snapshots;
    private long _chunks;
    private long _bytes;
    private long _skipped;

    public RepositoryVerifier(RepositoryContext context, VerifyOptions options, IProgress<SnapshotProgress>? progress)
    {
        _context = context;
        _options = options;
        _progress = progress;
        _problems = new ProblemList(context.Logger);
    }

    public async Task<VerifyResult> ExecuteAsync(CommittedSnapshot? only, CancellationToken cancellationToken)
    {
        List<CommittedSnapshot> snapshots = [];
        await _context.Moves.RefreshAsync(_context, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
        await ListAsync(only is null, cancellationToken).ConfigureAwait(false);
        if (only is not null)
        {
            snapshots.Add(only);
        }
        else if (_context.Protection.HasKeys)
        {
            await ReadSnapshotsAsync(snapshots, cancellationToken).ConfigureAwait(false);
        }

        TreeVerifier trees = new(_context, _problems, _options.Level == VerifyLevel.Content);
        foreach (CommittedSnapshot snapshot in snapshots)
        {
            _snapshots++;
            if (!await trees.VerifyAsync(snapshot, cancellationToken).ConfigureAwait(false))
            {
                _affected.Add(snapshot.Id.ToString());
            }
        }

        await VerifyPacksAsync(only is null ? _packs.Keys : trees.Referenced, cancellationToken).ConfigureAwait(false);
        if (only is null)
        {
            await VerifySegmentsAsync(cancellationToken).ConfigureAwait(false);
        }

        MarkAffected(snapshots);
        Report(_bytes);
        return new VerifyResult
        {
            Problems = _problems.ToList(),
            Objects = _objects,
            Snapshots = _snapshots,
            Chunks = _chunks,
            Bytes = _bytes,
            SkippedPacks = _skipped,
            UnknownObjects = _unknown,
            AffectedSnapshots = _affected,
            SealedSnapshots = _sealed,
        };
    }

    private async ValueTask ListAsync(bool verifiesRecords, CancellationToken cancellationToken)
    {
        await foreach (ObjectInfo info in _context.Store.ListAsync(string.Empty, null, cancellationToken).ConfigureAwait(false))
        {
            if (PackId.TryParse(info.Name, out PackId pack))
            {
                _packs.Add(pack, info);
            }
            else if (info.Name.StartsWith(ObjectNames.Segments, StringComparison.Ordinal))
            {
                _segments.Add(info);
            }
            else if (verifiesRecords)
            {
                _objects++;
                await VerifySmallAsync(info.Name, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async ValueTask VerifySmallAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            if (name == ObjectNames.Repository)
            {
                byte[] content = await _context.TryReadObjectAsync(name, RepositoryHeader.MaxLength, cancellationToken).ConfigureAwait(false) ?? [];
                RepositoryHeader.Parse(content);
            }
            else if (name.StartsWith(KeyObject.Prefix, StringComparison.Ordinal))
            {
                byte[] content = await _context.TryReadObjectAsync(name, KeyObject.MaximumLength + 1, cancellationToken).ConfigureAwait(false) ?? [];
                KeyObject.Parse(name, content);
            }
            else if (RecordVerifier.KindOf(name) is { } kind)
            {
                await RecordVerifier.VerifyAsync(_context, name, kind, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                _unknown.Add(name);
            }
        }
        catch (SnapshotRepositoryException exception)
        {
            _problems.Add(name, exception);
        }
    }

    // Each session is read on its own, so that a damaged one does not hide the others.
    private async ValueTask ReadSnapshotsAsync(List<CommittedSnapshot> snapshots, CancellationToken cancellationToken)
    {
        HashSet<SessionId> retired = [];
        List<SessionId> fated = [];
        await foreach (ObjectInfo info in _context.Store.ListAsync(ObjectNames.Sessions, null, cancellationToken).ConfigureAwait(false))
        {
            if (ObjectNames.TryParseSession(info.Name, out SessionId session, out string part))
            {
                if (part == "retired")
                {
                    retired.Add(session);
                }
                else if (part == "fate")
                {
                    fated.Add(session);
                }
            }
        }

        foreach (SessionId session in fated.Where(session => !retired.Contains(session)))
        {
            try
            {
                if (await CommittedSnapshot.TryReadAsync(_context, session, false, cancellationToken).ConfigureAwait(false) is { } snapshot)
                {
                    snapshots.Add(snapshot);
                }
            }
            catch (RepositoryCorruptException exception)
            {
                _problems.Add(ObjectNames.Fate(session), exception);
                _affected.Add(session.ToString());
            }
            catch (RepositoryKeyException)
            {
                _sealed.Add(session.ToString());
            }
        }
    }

    private async ValueTask VerifyPacksAsync(IEnumerable<PackId> packs, CancellationToken cancellationToken)
    {
        bool usesMemory = _options.Remember || _options.MaxBytes != long.MaxValue || _options.SkipVerifiedWithin > TimeSpan.Zero || _options.Level == VerifyLevel.Checksums;
        VerifyMemory memory = usesMemory ? await VerifyMemory.ReadAsync(_context, cancellationToken).ConfigureAwait(false) : new VerifyMemory();
        DateTimeOffset now = _context.TimeProvider.GetUtcNow();
        List<PackId> ordered = [.. packs];
        ordered.Sort((left, right) =>
        {
            int order = memory.VerifiedAt(left).CompareTo(memory.VerifiedAt(right));
            return order != 0 ? order : left.CompareTo(right);
        });
        List<PackId> chosen = _options.Level == VerifyLevel.Content ? Choose(ordered, memory, now) : [];
        HashSet<PackId> read = [.. chosen];
        foreach (PackId pack in ordered)
        {
            _objects++;
            if (!read.Contains(pack))
            {
                await VerifyTableAsync(pack, memory, cancellationToken).ConfigureAwait(false);
            }
        }

        long total = chosen.Sum(pack => _packs.TryGetValue(pack, out ObjectInfo? info) ? info.Length : 0);
        ParallelOptions parallel = new() { MaxDegreeOfParallelism = _options.Concurrency > 0 ? _options.Concurrency : Environment.ProcessorCount, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(chosen, parallel, async (pack, token) =>
        {
            await VerifyContentAsync(pack, memory, now, token).ConfigureAwait(false);
            Report(total);
        }).ConfigureAwait(false);
        if (_options.Level == VerifyLevel.Content && (_options.Remember || _options.MaxBytes != long.MaxValue))
        {
            memory.KeepOnly([.. _packs.Keys]);
            await memory.WriteAsync(_context, cancellationToken).ConfigureAwait(false);
        }
    }

    private List<PackId> Choose(List<PackId> ordered, VerifyMemory memory, DateTimeOffset now)
    {
        List<PackId> chosen = [];
        long left = _options.MaxBytes;
        foreach (PackId pack in ordered)
        {
            bool isFresh = _options.SkipVerifiedWithin > TimeSpan.Zero && now - memory.VerifiedAt(pack) <= _options.SkipVerifiedWithin;
            long length = _packs.TryGetValue(pack, out ObjectInfo? info) ? info.Length : 0;
            if (isFresh || length > left)
            {
                _skipped++;
                continue;
            }

            left -= length;
            chosen.Add(pack);
        }

        return chosen;
    }

    private async ValueTask VerifyTableAsync(PackId pack, VerifyMemory memory, CancellationToken cancellationToken)
    {
        try
        {
            await PackReader.ReadSlotsAsync(_context.Store, pack, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
            byte[] noted = memory.ChecksumOf(pack);
            byte[] current = _packs.TryGetValue(pack, out ObjectInfo? info) ? VerifyMemory.Describe(info.Checksum) : [];
            if (_options.Level >= VerifyLevel.Checksums && noted.Length > 0 && current.Length > 0 && !noted.AsSpan().SequenceEqual(current))
            {
                throw new RepositoryCorruptException(pack.ToString(), 0, "the store's checksum is not the one that it had when the pack was last read.");
            }
        }
        catch (RepositoryCorruptException exception)
        {
            _problems.Add(pack.ToString(), exception);
        }
    }

    private async ValueTask VerifyContentAsync(PackId pack, VerifyMemory memory, DateTimeOffset now, CancellationToken cancellationToken)
    {
        string name = pack.ToString();
        int damaged = 0;
        try
        {
            (long frames, long bytes) = await PackVerifier.VerifyAsync(_context, pack, (slot, message) =>
            {
                damaged++;
                _problems.Add(name, $"Object '{name}', at byte {slot.Offset}: {message}");
            }, cancellationToken).ConfigureAwait(false);
            Interlocked.Add(ref _chunks, pack.Kind == PackKind.Data ? frames : 0);
            Interlocked.Add(ref _bytes, bytes);
            if (damaged == 0)
            {
                memory.Note(pack, now, _packs.TryGetValue(pack, out ObjectInfo? info) ? VerifyMemory.Describe(info.Checksum) : []);
            }
        }
        catch (RepositoryCorruptException exception)
        {
            _problems.Add(name, exception);
        }
    }

    private async ValueTask VerifySegmentsAsync(CancellationToken cancellationToken)
    {
        FlightCache<(string Name, long Block), byte[]> pages = new(1, static _ => 1);
        foreach (ObjectInfo info in _segments)
        {
            _objects++;
            try
            {
                SegmentReader reader = await SegmentReader.OpenAsync(_context.Store, pages, info.Name, info.Length, cancellationToken).ConfigureAwait(false);
                for (long block = 0; _options.Level == VerifyLevel.Content && block < reader.BlockCount; block++)
                {
                    byte[] page = await reader.LoadBlockAsync(block, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
                    reader.CheckEntries(page, block);
                }
            }
            catch (RepositoryCorruptException exception)
            {
                _problems.Add(info.Name, exception);
            }
        }
    }

    private void MarkAffected(List<CommittedSnapshot> snapshots)
    {
        HashSet<PackId> damaged = [];
        foreach (VerifyProblem problem in _problems.ToList())
        {
            if (PackId.TryParse(problem.ObjectName, out PackId pack))
            {
                damaged.Add(pack);
            }
        }

        foreach (CommittedSnapshot snapshot in snapshots)
        {
            string id = snapshot.Id.ToString();
            RefSet refs = _context.Moves.Present(snapshot.Refs);
            if (damaged.Any(refs.Contains) && !_affected.Contains(id))
            {
                _affected.Add(id);
            }
        }
    }

    private void Report(long total) => _progress?.Report(new SnapshotProgress
    {
        TotalBytes = total,
        ProcessedBytes = Interlocked.Read(ref _bytes),
        ReadBytes = Interlocked.Read(ref _bytes),
        StoredBytes = 0,
        Elapsed = Stopwatch.GetElapsedTime(_startedAt),
    });
}
