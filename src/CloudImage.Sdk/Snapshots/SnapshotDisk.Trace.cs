using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Diagnostics;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Trees;

namespace CloudImage.Sdk.Snapshots;

public sealed partial class SnapshotDisk
{
    private readonly TraceRecorder? _recorder;

    /// <summary>What was read so far, in whole chunks. Nothing, unless <see cref="SnapshotDiskOptions.RecordTrace"/> was set.</summary>
    /// <returns>The trace, to be kept with <see cref="SnapshotRepository.SaveTraceAsync"/>.</returns>
    public ReadTrace GetTrace() => _recorder?.ToTrace(ChunkSize, Length) ?? new ReadTrace([]);

    /// <summary>Fills the cache with what the snapshot's trace names, in its order, until all is there or the cache is full.</summary>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>How many chunks are there now of those that the trace names.</returns>
    /// <exception cref="RepositoryCorruptException">The trace, or a chunk, is damaged. A damaged trace costs time and nothing else: reading goes on without it.</exception>
    /// <remarks>Chunks that were stored with the trace come in one stream; each is verified against the snapshot's tree as any other.</remarks>
    public async Task<int> PrefetchAsync(CancellationToken cancellationToken = default)
    {
        if (await TraceStore.FindAsync(_context, Snapshot.Committed.Id, cancellationToken).ConfigureAwait(false) is not { } trace || trace.ChunkSize != ChunkSize)
        {
            return 0;
        }

        int present = 0;
        List<(long Chunk, WantedChunk Wanted)> lacking = [];
        foreach ((long chunk, ReadOnlyMemory<byte> frame) in trace.Chunks)
        {
            if ((present + lacking.Count + 1L) * ChunkSize > _options.CacheSize || chunk >= _tree.Geometry.ChunkCount)
            {
                break;
            }

            cancellationToken.ThrowIfCancellationRequested();
            LeafView leaf = await LeafAsync(chunk, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
            if (leaf.Kind(chunk) != EntryKind.Stored || _chunks.TryGet(chunk, out _))
            {
                continue;
            }

            byte[] plain = GC.AllocateUninitializedArray<byte>(ChunkSize);
            WantedChunk wanted = leaf.Wanted(chunk, plain);
            if (frame.IsEmpty)
            {
                lacking.Add((chunk, wanted));
                continue;
            }

            _context.Frames.DecodeChunk(wanted.Place, frame.Span, wanted.Digest, plain);
            _chunks.Put(chunk, plain);
            present++;
        }

        if (lacking.Count > 0)
        {
            await _fetcher.FetchManyAsync(lacking.ConvertAll(static item => item.Wanted), IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
            foreach ((long chunk, WantedChunk wanted) in lacking)
            {
                if (System.Runtime.InteropServices.MemoryMarshal.TryGetArray((ReadOnlyMemory<byte>)wanted.Plain, out ArraySegment<byte> plain))
                {
                    _chunks.Put(chunk, plain.Array!);
                }
            }
        }

        return present + lacking.Count;
    }

    // Nobody waits for this task: a trace that cannot be used is told in the log, and the reader fetches what he needs as without one.
    private async Task PrefetchInBackgroundAsync()
    {
        try
        {
            await PrefetchAsync(_closing.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is CloudImageException or System.IO.IOException or OperationCanceledException or ObjectDisposedException)
        {
            Log.PrefetchFailed(_context.Logger, exception, Snapshot.Id);
        }
    }
}
