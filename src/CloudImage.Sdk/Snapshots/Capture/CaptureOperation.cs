using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Diagnostics;
using CloudImage.Sdk.Snapshots.Index;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Sessions;
using CloudImage.Sdk.Snapshots.Signing;
using CloudImage.Sdk.Snapshots.Trees;

namespace CloudImage.Sdk.Snapshots.Capture;

/// <summary>One capture from opening the session to its fate. Order on the store: packs, segments, preps, fate.</summary>
internal sealed class CaptureOperation : IAsyncDisposable
{
    private const int MaxRounds = 8;
    private const int MaxWaitingWorkers = 16;
    private readonly RepositoryContext _context;
    private readonly VirtualDisk _disk;
    private readonly CaptureOptions _options;
    private readonly SnapshotProgressMeter _meter;
    private readonly WriteSession _session;
    private readonly CommittedSnapshot? _parent;
    private readonly CommittedSnapshot? _base;
    private readonly SessionOutput _output;

    public CaptureOperation(
        RepositoryContext context, VirtualDisk disk, CaptureOptions options, IProgress<SnapshotProgress>? progress, WriteSession session, CommittedSnapshot? parent,
        CommittedSnapshot? baseSnapshot, CancellationToken cancellationToken)
    {
        _context = context;
        _disk = disk;
        _options = options;
        _meter = new SnapshotProgressMeter(progress);
        _session = session;
        _parent = parent;
        _base = baseSnapshot;
        session.ExcludedPacks = options.ExcludedPacks;
        _output = new SessionOutput(context, session.Id, session.Owner, session.IsUsable, cancellationToken);
    }

    /// <summary>Bytes of packs stored so far.</summary>
    public long StoredBytes => _output.StoredBytes;

    public async Task<CaptureResult> ExecuteAsync(CancellationToken cancellationToken)
    {
        bool isExact = _options.Deduplication == ChunkDeduplication.Exact;
        if (isExact)
        {
            await _output.Index.LoadAsync(cancellationToken).ConfigureAwait(false);
        }

        if (_session.Owner > 0)
        {
            await _output.AdoptAsync(cancellationToken).ConfigureAwait(false);
        }

        for (int round = 0; round < MaxRounds; round++)
        {
            TreeGeometry geometry = new(_disk.Length, _context.Header.ChunkSize);
            SnapshotTree? parentTree = _parent?.OpenTree(_context);
            SnapshotTree? baseTree = _base?.OpenTree(_context);
            TreeBuilder builder = new(_context, geometry, _output.TreePacks, Relatives(parentTree, baseTree), _session.IsUsable);
            // After a first round, or in a session taken over, chunks of the session itself are found by content whatever the mode.
            bool usesIndex = isExact || round > 0 || _session.Owner > 0;
            CaptureRun run = new(Plan(geometry, parentTree, baseTree, usesIndex ? _output.Index : null), _output.DataPacks, builder, Report);
            NodeRef root = await run.ExecuteAsync(cancellationToken).ConfigureAwait(false);
            if (_options.RequiredRoot is { } required && root.Hash != required)
            {
                await _session.AbortAsync(cancellationToken).ConfigureAwait(false);
                throw new SnapshotRepositoryException($"The source does not hold the content that was asked for: its root is {root.Hash}, not {required}.");
            }

            if (await _session.TryCommitAsync(_output, builder.Refs, sequence => Describe(root, sequence, builder.DataChunks), _options.Signer, cancellationToken).ConfigureAwait(false))
            {
                return await FinishAsync(run.Counters, cancellationToken).ConfigureAwait(false);
            }

            string sessionId = _session.Id.ToString();
            Log.CaptureRoundRepeated(_context.Logger, sessionId, round + 1);
        }

        throw await _session.GiveUpAsync($"collection condemned what it refers to {MaxRounds} times", cancellationToken).ConfigureAwait(false);
    }

    public ValueTask DisposeAsync() => _output.DisposeAsync();

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
        Workers = CountWorkers(),
    };

    // Whoever fetches bases from a distant store waits most of the time.
    private int CountWorkers()
    {
        bool waits = _options.PatchFrames && _parent is not null && !_context.Store.Capabilities.IsLocal;
        int processors = Environment.ProcessorCount;
        return _options.Concurrency > 0 ? _options.Concurrency : waits ? Math.Max(processors, Math.Min(MaxWaitingWorkers, 4 * processors)) : processors;
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
        Tags = _options.RequiredRoot is null ? SnapshotDescriptor.Place(_options.Tags, null) : _options.Tags,
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
            Warnings = [.. _output.Index.Problems],
        };
    }

    private void Report(CaptureCounters counters) => Report(counters, false);

    private void Report(CaptureCounters counters, bool isLast) =>
        _meter.Report(_disk.Length, counters.ProcessedBytes, counters.ReadBytes, StoredBytes, isLast);
}
