using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Diagnostics;
using CloudImage.Sdk.Snapshots.Index;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Sessions;
using CloudImage.Sdk.Snapshots.Signing;
using CloudImage.Sdk.Snapshots.Trees;

namespace CloudImage.Sdk.Snapshots.Capture;

/// <summary>One capture from opening the session to its fate. Order on the store: packs, segments, preps, fate.</summary>
internal sealed class CaptureOperation : IAsyncDisposable
{
    private const int MaxRounds = 8;
    private static readonly TimeSpan s_reportInterval = TimeSpan.FromMilliseconds(100);
    private readonly RepositoryContext _context;
    private readonly VirtualDisk _disk;
    private readonly CaptureOptions _options;
    private readonly IProgress<SnapshotProgress>? _progress;
    private readonly WriteSession _session;
    private readonly CommittedSnapshot? _parent;
    private readonly CommittedSnapshot? _base;
    private readonly ChunkIndex _index;
    private readonly PackStream _dataPacks;
    private readonly PackStream _treePacks;
    private readonly long _startedAt = Stopwatch.GetTimestamp();
    private TimeSpan _reportedAt;
    private int _nextSegment;

    public CaptureOperation(
        RepositoryContext context, VirtualDisk disk, CaptureOptions options, IProgress<SnapshotProgress>? progress, WriteSession session, CommittedSnapshot? parent,
        CommittedSnapshot? baseSnapshot, CancellationToken cancellationToken)
    {
        _context = context;
        _disk = disk;
        _options = options;
        _progress = progress;
        _session = session;
        _parent = parent;
        _base = baseSnapshot;
        session.ExcludedPacks = options.ExcludedPacks;
        _index = new ChunkIndex(context, session.IsUsable);
        _dataPacks = new PackStream(context.Store, PackKind.Data, session.Id, session.Owner, PublishedAsync, cancellationToken);
        _treePacks = new PackStream(context.Store, PackKind.Tree, session.Id, session.Owner, null, cancellationToken);
    }

    /// <summary>Bytes of packs stored so far.</summary>
    public long StoredBytes => _dataPacks.StoredBytes + _treePacks.StoredBytes + _index.StoredBytes;

    public async Task<CaptureResult> ExecuteAsync(CancellationToken cancellationToken)
    {
        bool isExact = _options.Deduplication == ChunkDeduplication.Exact;
        if (isExact)
        {
            await _index.LoadAsync(cancellationToken).ConfigureAwait(false);
        }

        if (_session.Owner > 0)
        {
            await PackAdoption.AdoptAsync(_context, _index, _session.Id, NextSegmentName, cancellationToken).ConfigureAwait(false);
        }

        for (int round = 0; round < MaxRounds; round++)
        {
            TreeGeometry geometry = new(_disk.Length, _context.Header.ChunkSize);
            SnapshotTree? parentTree = _parent?.OpenTree(_context);
            SnapshotTree? baseTree = _base?.OpenTree(_context);
            TreeBuilder builder = new(_context, geometry, _treePacks, Relatives(parentTree, baseTree), _session.IsUsable);
            // After a first round, or in a session taken over, chunks of the session itself are found by content whatever the mode.
            bool usesIndex = isExact || round > 0 || _session.Owner > 0;
            CaptureRun run = new(Plan(geometry, parentTree, baseTree, usesIndex ? _index : null), _dataPacks, builder, Report);
            NodeRef root = await run.ExecuteAsync(cancellationToken).ConfigureAwait(false);
            if (_options.RequiredRoot is { } required && root.Hash != required)
            {
                await _session.AbortAsync(cancellationToken).ConfigureAwait(false);
                throw new SnapshotRepositoryException($"The source does not hold the content that was asked for: its root is {root.Hash}, not {required}.");
            }

            if (await TryCommitAsync(root, builder, cancellationToken).ConfigureAwait(false))
            {
                return await FinishAsync(run.Counters, cancellationToken).ConfigureAwait(false);
            }

            string sessionId = _session.Id.ToString();
            Log.CaptureRoundRepeated(_context.Logger, sessionId, round + 1);
        }

        throw await _session.GiveUpAsync($"collection condemned what it refers to {MaxRounds} times", cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await _dataPacks.DisposeAsync().ConfigureAwait(false);
        await _treePacks.DisposeAsync().ConfigureAwait(false);
    }

    private List<SnapshotTree> Relatives(SnapshotTree? parentTree, SnapshotTree? baseTree)
    {
        List<SnapshotTree> relatives = [];
        foreach (SnapshotTree? tree in (ReadOnlySpan<SnapshotTree?>)[parentTree, baseTree])
        {
            if (tree is not null)
            {
                relatives.Add(tree);
            }
        }

        foreach (CommittedSnapshot source in _options.Layers?.Sources ?? [])
        {
            if (source.Id != _parent?.Id)
            {
                relatives.Add(source.OpenTree(_context));
            }
        }

        return relatives;
    }

    private CapturePlan Plan(TreeGeometry geometry, SnapshotTree? parentTree, SnapshotTree? baseTree, ChunkIndex? index) => new()
    {
        Context = _context,
        Disk = _disk,
        Geometry = geometry,
        Parent = parentTree,
        Base = baseTree,
        Layers = _options.Layers,
        ChangeMap = _options.ChangeMap,
        IsLayer = _options.AsLayer,
        LayerBase = _options.LayerBase,
        Codec = _options.Codec,
        UsesPatches = _options.PatchFrames,
        Index = index,
        OwnSession = _session.Id,
        IsUsable = _session.IsUsable,
        Workers = _options.Concurrency > 0 ? _options.Concurrency : Environment.ProcessorCount,
    };

    private ValueTask PublishedAsync(PackId pack, IReadOnlyList<PackSlot> slots, CancellationToken cancellationToken) =>
        _index.PublishedAsync(pack, slots, NextSegmentName, cancellationToken);

    private string NextSegmentName() => ObjectNames.Segment(_session.Id, _session.Owner, _nextSegment++);

    private async ValueTask<bool> TryCommitAsync(NodeRef root, TreeBuilder builder, CancellationToken cancellationToken)
    {
        await _dataPacks.CompleteAsync().ConfigureAwait(false);
        await _treePacks.CompleteAsync().ConfigureAwait(false);
        await _index.FlushAsync(NextSegmentName, cancellationToken).ConfigureAwait(false);
        long sequence = await _session.ReserveSequenceAsync(cancellationToken).ConfigureAwait(false);
        await _context.Store.FlushAsync(cancellationToken).ConfigureAwait(false);
        byte[] descriptor = Describe(root, sequence, builder.DataChunks).ToArray();
        PrepRecord prep = new()
        {
            Refs = builder.Refs,
            Descriptor = _context.Protection.SealDescriptor(_session.Id, descriptor),
            Signature = _options.Signer is { } signer
                ? StoredSignature.Make(signer, SignatureChecker.Message(_context.IdentityOf(_session.Id), descriptor).Span).ToArray()
                : default,
        };
        (int number, byte[] hash) = await _session.DeclareAsync(prep, cancellationToken).ConfigureAwait(false);
        if (!await _session.CheckAsync(builder.Refs, cancellationToken).ConfigureAwait(false))
        {
            return false;
        }

        await _context.Store.FlushAsync(cancellationToken).ConfigureAwait(false);
        await _session.CommitAsync(number, hash, cancellationToken).ConfigureAwait(false);
        await _context.Store.FlushAsync(cancellationToken).ConfigureAwait(false);
        return true;
    }

    private SnapshotDescriptor Describe(NodeRef root, long sequence, long dataChunks) => new()
    {
        Suite = _context.Suite,
        ChunkSize = _context.Header.ChunkSize,
        Length = _disk.Length,
        Root = root.Hash,
        RootPlace = root.Place,
        IsLayer = _options.AsLayer,
        Parent = _parent?.Id ?? default,
        Image = _options.Image,
        Sequence = sequence,
        CreatedAt = _options.CreatedAt ?? _context.TimeProvider.GetUtcNow(),
        Codec = _options.Codec.ToString(),
        DataBytes = dataChunks * _context.Header.ChunkSize,
        StoredBytes = StoredBytes,
        // The mark of a repair is a repair's alone, whoever copied the tags of one.
        Tags = _options.RequiredRoot is null ? [.. _options.Tags.Where(static tag => tag.Key != CommittedSnapshot.MendsTag)] : _options.Tags,
    };

    private async ValueTask<CaptureResult> FinishAsync(CaptureCounters counters, CancellationToken cancellationToken)
    {
        CommittedSnapshot committed = await CommittedSnapshot.TryReadAsync(_context, _session.Id, cancellationToken).ConfigureAwait(false)
            ?? throw new RepositoryCorruptException(ObjectNames.Fate(_session.Id), 0, "the fate that was just created is not there.");
        Report(counters, true);
        SnapshotInfo snapshot = committed.ToInfo();
        Log.SnapshotCommitted(_context.Logger, snapshot.Id, _options.Image, committed.Descriptor.Sequence, StoredBytes);
        return new CaptureResult
        {
            Snapshot = snapshot,
            ReadBytes = counters.ReadBytes,
            StoredBytes = StoredBytes + _session.RecordBytes,
            ZeroChunks = counters.ZeroChunks,
            UnchangedChunks = counters.UnchangedChunks,
            DuplicateChunks = counters.DuplicateChunks,
            NewChunks = counters.NewChunks,
            DeclinedChunks = counters.DeclinedChunks,
            Warnings = [.. _index.Problems],
        };
    }

    private void Report(CaptureCounters counters) => Report(counters, false);

    private void Report(CaptureCounters counters, bool isLast)
    {
        TimeSpan elapsed = Stopwatch.GetElapsedTime(_startedAt);
        if (_progress is null || (!isLast && elapsed - _reportedAt < s_reportInterval))
        {
            return;
        }

        _reportedAt = elapsed;
        _progress.Report(new SnapshotProgress
        {
            TotalBytes = _disk.Length,
            ProcessedBytes = counters.ProcessedBytes,
            ReadBytes = counters.ReadBytes,
            StoredBytes = StoredBytes,
            Elapsed = elapsed,
        });
    }
}
