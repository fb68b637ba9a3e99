using System;
using System.Buffers;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Diagnostics;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Sessions;
using CloudImage.Sdk.Snapshots.Trees;

namespace CloudImage.Sdk.Snapshots;

/// <summary>A snapshot as a disk: chunks are fetched when they are read, and verified before a byte of them is returned.</summary>
/// <remarks>
/// Thread-safe. Small reads go through a bounded cache in memory, in which each chunk is fetched once however many
/// readers wait for it; reads of whole chunks are decoded into the caller's buffer. The repository has to stay open.
/// </remarks>
public sealed partial class SnapshotDisk : VirtualDisk
{
    private readonly RepositoryContext _context;
    private readonly SnapshotTree _tree;
    private readonly ChunkFetcher _fetcher;
    private readonly FlightCache<long, byte[]> _chunks;
    private readonly SnapshotDiskOptions _options;
    private readonly ReaderPin? _pin;
    private readonly CancellationTokenSource _closing = new();
    private LeafView? _lastLeaf;
    private long _lastChunk = -2;
    private int _forwardSteps;
    private int _isReadingAhead;

    internal SnapshotDisk(RepositoryContext context, SnapshotInfo snapshot, SnapshotDiskOptions options, ReaderPin? pin)
    {
        _pin = pin;
        _recorder = options.RecordTrace ? new TraceRecorder() : null;
        _context = context;
        _options = options;
        _tree = snapshot.Committed.OpenTree(context);
        _fetcher = new ChunkFetcher(context);
        _chunks = new FlightCache<long, byte[]>(options.CacheSize, static chunk => chunk.Length);
        Snapshot = snapshot;
        Info = new DiskInfo
        {
            FormatName = "snapshot",
            VirtualSize = snapshot.Length,
            AllocationUnitSize = context.Header.ChunkSize,
            Variant = snapshot.IsLayer ? "layer" : null,
            LinkageId = snapshot.Id,
        };
        if (options.Prefetch)
        {
            _ = Task.Run(PrefetchInBackgroundAsync, CancellationToken.None);
        }
    }

    /// <summary>What is known of the snapshot.</summary>
    public SnapshotInfo Snapshot { get; }

    /// <inheritdoc/>
    public override DiskInfo Info { get; }

    /// <inheritdoc/>
    public override long Length => _tree.Geometry.Length;

    /// <inheritdoc/>
    public override bool IsLocal => _context.Store.Capabilities.IsLocal;

    private int ChunkSize => _tree.Geometry.ChunkSize;

    /// <inheritdoc/>
    protected override async ValueTask<int> ReadCoreAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        if (_recorder is not null && buffer.Length > 0)
        {
            _recorder.Note(offset / ChunkSize, (offset + buffer.Length - 1) / ChunkSize);
        }

        int total = buffer.Length;
        while (buffer.Length > 0)
        {
            int within = (int)(offset % ChunkSize);
            int count = Math.Min(buffer.Length, ChunkSize - within);
            if (within == 0 && (buffer.Length >= ChunkSize || offset + buffer.Length == Length))
            {
                int whole = offset + buffer.Length == Length ? buffer.Length : buffer.Length / ChunkSize * ChunkSize;
                await ReadWholeAsync(buffer[..whole], offset, mode, cancellationToken).ConfigureAwait(false);
                count = whole;
            }
            else
            {
                await ReadPartAsync(buffer[..count], offset / ChunkSize, within, mode, cancellationToken).ConfigureAwait(false);
            }

            buffer = buffer[count..];
            offset += count;
        }

        return total;
    }

    /// <inheritdoc/>
    protected override async ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        long chunk = offset / ChunkSize;
        LeafView leaf = await LeafAsync(chunk, mode, cancellationToken).ConfigureAwait(false);
        EntryKind kind = leaf.Kind(chunk);
        long end = leaf.Node is null ? leaf.End : chunk + 1;
        while (leaf.Node is not null && end < leaf.End && leaf.Kind(end) == kind)
        {
            end++;
        }

        DiskExtentKind extent = kind switch
        {
            EntryKind.Stored => DiskExtentKind.Data,
            EntryKind.Absent => DiskExtentKind.Unmapped,
            _ => DiskExtentKind.Zero,
        };
        long bytes = end > (long.MaxValue / ChunkSize) ? long.MaxValue : end * ChunkSize;
        return new DiskPlacement(offset, Math.Min(length, bytes - offset), extent);
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        if (_pin is not null)
        {
            await _pin.ReleaseAsync().ConfigureAwait(false);
        }

        await base.DisposeAsync().ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _closing.Cancel();
            _closing.Dispose();
            if (_pin is not null)
            {
                SyncBridge.Wait(_pin.ReleaseAsync());
            }
        }

        base.Dispose(disposing);
    }

    private async ValueTask<LeafView> LeafAsync(long chunk, IoMode mode, CancellationToken cancellationToken)
    {
        LeafView? last = _lastLeaf;
        if (last is not null && chunk >= last.First && chunk < last.End)
        {
            return last;
        }

        (TreeNode? node, EntryKind kind, int level) = await _tree.LeafAsync(chunk, mode, cancellationToken).ConfigureAwait(false);
        long span = TreeGeometry.ChunksPerEntry(level) * TreeGeometry.FanOut;
        long first = chunk / span * span;
        LeafView found = new(node, kind, first, Math.Min(_tree.Geometry.ChunkCount, first + span));
        _lastLeaf = found;
        return found;
    }

    private async ValueTask ReadPartAsync(Memory<byte> buffer, long chunk, int within, IoMode mode, CancellationToken cancellationToken)
    {
        if (_chunks.TryGet(chunk, out byte[]? cached))
        {
            Telemetry.ChunkCacheHits.Add(1);
            cached.AsSpan(within, buffer.Length).CopyTo(buffer.Span);
            return;
        }

        LeafView leaf = await LeafAsync(chunk, mode, cancellationToken).ConfigureAwait(false);
        if (leaf.Kind(chunk) != EntryKind.Stored)
        {
            buffer.Span.Clear();
            return;
        }

        NoteStep(chunk);
        byte[] plain = await _chunks.GetAsync(chunk, (this, leaf), static (key, state, mode, token) => state.Item1.LoadAsync(key, state.leaf, mode, token), mode, cancellationToken)
            .ConfigureAwait(false);
        plain.AsSpan(within, buffer.Length).CopyTo(buffer.Span);
    }

    private async ValueTask<byte[]> LoadAsync(long chunk, LeafView leaf, IoMode mode, CancellationToken cancellationToken)
    {
        Telemetry.ChunkFetches.Add(1);
        byte[] plain = GC.AllocateUninitializedArray<byte>(ChunkSize);
        await _fetcher.FetchAsync(leaf.Wanted(chunk, plain), mode, cancellationToken).ConfigureAwait(false);
        return plain;
    }

    // Whole chunks: those that are cached are copied, the others decoded in place, neighbours in a pack with one request.
    private async ValueTask ReadWholeAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        List<WantedChunk> wanted = [];
        byte[]? tail = null;
        for (long chunk = offset / ChunkSize; buffer.Length > 0; chunk++)
        {
            LeafView leaf = await LeafAsync(chunk, mode, cancellationToken).ConfigureAwait(false);
            int count = Math.Min(buffer.Length, ChunkSize);
            if (leaf.Kind(chunk) != EntryKind.Stored)
            {
                buffer.Span[..count].Clear();
            }
            else if (_chunks.TryGet(chunk, out byte[]? cached))
            {
                cached.AsSpan(0, count).CopyTo(buffer.Span);
            }
            else if (count == ChunkSize)
            {
                wanted.Add(leaf.Wanted(chunk, buffer[..count]));
            }
            else
            {
                tail = GC.AllocateUninitializedArray<byte>(ChunkSize);
                wanted.Add(leaf.Wanted(chunk, tail));
            }

            if (tail is not null)
            {
                break;
            }

            buffer = buffer[count..];
        }

        Telemetry.ChunkFetches.Add(wanted.Count);
        await _fetcher.FetchManyAsync(wanted, mode, cancellationToken).ConfigureAwait(false);
        tail?.AsSpan(0, buffer.Length).CopyTo(buffer.Span);
    }

    private void NoteStep(long chunk)
    {
        _forwardSteps = chunk == _lastChunk + 1 ? _forwardSteps + 1 : chunk == _lastChunk ? _forwardSteps : 0;
        _lastChunk = chunk;
        if (_options.ReadAheadChunks > 0 && _forwardSteps >= 2 && Interlocked.Exchange(ref _isReadingAhead, 1) == 0)
        {
            _ = Task.Run(() => ReadAheadAsync(chunk + 1, _closing.Token), CancellationToken.None);
        }
    }

    // Nobody waits for this task: what goes wrong is met again, and reported, by the read that needs the chunk.
    private async Task ReadAheadAsync(long first, CancellationToken cancellationToken)
    {
        List<WantedChunk> wanted = [];
        List<(long Chunk, byte[] Plain)> reserved = [];
        Exception? failure = null;
        try
        {
            long end = Math.Min(first + _options.ReadAheadChunks, _tree.Geometry.ChunkCount);
            for (long chunk = first; chunk < end; chunk++)
            {
                LeafView leaf = await LeafAsync(chunk, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
                if (leaf.Kind(chunk) == EntryKind.Stored && _chunks.TryReserve(chunk))
                {
                    byte[] plain = GC.AllocateUninitializedArray<byte>(ChunkSize);
                    reserved.Add((chunk, plain));
                    wanted.Add(leaf.Wanted(chunk, plain));
                }
            }

            await _fetcher.FetchManyAsync(wanted, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            failure = exception;
        }

        foreach ((long chunk, byte[] plain) in reserved)
        {
            if (failure is null)
            {
                _chunks.Complete(chunk, plain);
            }
            else
            {
                _chunks.Fail(chunk, failure);
            }
        }

        Interlocked.Exchange(ref _isReadingAhead, 0);
    }

    /// <summary>A leaf, or a zero or absent range in its stead, with the chunks that it stands for.</summary>
    private sealed class LeafView(TreeNode? node, EntryKind kind, long first, long end)
    {
        public TreeNode? Node => node;

        public long First => first;

        public long End => end;

        public EntryKind Kind(long chunk) => node?.Kind((int)(chunk - first)) ?? kind;

        public WantedChunk Wanted(long chunk, Memory<byte> plain)
        {
            int index = (int)(chunk - first);
            return new WantedChunk(node!.Place(index), node.Digest(index), plain);
        }
    }
}
