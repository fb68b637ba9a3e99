using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Compression;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Sessions;
using CloudImage.Sdk.Snapshots.Trees;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots;

/// <summary>Keeps traces: <c>t/&lt;sid&gt;-&lt;n&gt;</c>, of which the last one counts; one without chunks says that there is none. They are an accelerator; nothing refers to them.</summary>
internal static class TraceStore
{
    private const long MaxFrameBytes = 256L << 20;
    private const long BatchBytes = 8L << 20;
    private const int MaxAttempts = 4;

    public static async ValueTask<TraceRecord?> FindAsync(RepositoryContext context, SessionId session, CancellationToken cancellationToken)
    {
        for (int attempt = 0; attempt < MaxAttempts; attempt++)
        {
            if (await NewestAsync(context, session, cancellationToken).ConfigureAwait(false) is not (string newest, _))
            {
                return null;
            }

            // Where it is gone meanwhile, collection took it for a later one.
            if (await context.TryReadRecordAsync(newest, RecordKind.Trace, cancellationToken).ConfigureAwait(false) is { } body)
            {
                return TraceRecord.Read(newest, body) is { Chunks.Count: > 0 } trace ? trace : null;
            }
        }

        return null;
    }

    /// <summary>Lists which sessions have a trace, and how many bytes it takes.</summary>
    public static async ValueTask<Dictionary<SessionId, long>> ListAsync(RepositoryContext context, CancellationToken cancellationToken)
    {
        Dictionary<SessionId, long> traces = [];
        await foreach (ObjectInfo info in context.Store.ListAsync(ObjectNames.Traces, null, cancellationToken).ConfigureAwait(false))
        {
            if (ObjectNames.TryParseTrace(info.Name, out SessionId session, out int _))
            {
                traces[session] = info.Length;
            }
        }

        foreach ((SessionId session, long length) in traces)
        {
            if (length <= TraceRecord.EmptyObjectLength)
            {
                traces.Remove(session);
            }
        }

        return traces;
    }

    public static async ValueTask SaveAsync(RepositoryContext context, CommittedSnapshot snapshot, ReadTrace trace, CancellationToken cancellationToken)
    {
        SnapshotTree tree = snapshot.OpenTree(context);
        ChunkFetcher fetcher = new(context);
        int chunkSize = context.Header.ChunkSize;
        byte[] frame = new byte[context.Frames.MaxFrameLength(chunkSize)];
        List<(long Chunk, ReadOnlyMemory<byte> Frame)> chunks = [];
        List<(long Chunk, WantedChunk Wanted)> batch = [];
        long frames = 0;
        foreach (long chunk in trace.Chunks(chunkSize))
        {
            (TreeNode? leaf, EntryKind _, int _) = await tree.LeafAsync(chunk, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
            int index = (int)(chunk % TreeGeometry.FanOut);
            if (leaf is null || leaf.Kind(index) != EntryKind.Stored)
            {
                continue;
            }

            if (frames + ((batch.Count + 1L) * frame.Length) > MaxFrameBytes)
            {
                await EncodeBatchAsync().ConfigureAwait(false);
            }

            if (frames + frame.Length > MaxFrameBytes)
            {
                chunks.Add((chunk, default));
                continue;
            }

            batch.Add((chunk, new WantedChunk(leaf.Place(index), leaf.Digest(index), GC.AllocateUninitializedArray<byte>(chunkSize))));
            if ((long)batch.Count * chunkSize >= BatchBytes)
            {
                await EncodeBatchAsync().ConfigureAwait(false);
            }
        }

        await EncodeBatchAsync().ConfigureAwait(false);
        await CreateAsync(context, snapshot.Id, new TraceRecord { ChunkSize = chunkSize, Chunks = chunks }, cancellationToken).ConfigureAwait(false);

        // Fetched in the order of their places, many at a time; kept in the order of reading.
        async ValueTask EncodeBatchAsync()
        {
            await fetcher.FetchManyAsync(batch.ConvertAll(static item => item.Wanted), IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
            foreach ((long chunk, WantedChunk wanted) in batch)
            {
                FrameHeader header = context.Frames.Encode(FrameKind.Chunk, wanted.Digest, wanted.Plain.Span, ChunkCodec.Lz4, frame);
                chunks.Add((chunk, frame.AsMemory(0, header.FrameLength).ToArray()));
                frames += header.FrameLength;
            }

            batch.Clear();
        }
    }

    /// <summary>Says that a snapshot has no trace any more. Nothing is deleted: collection takes what was there before.</summary>
    /// <returns>Whether it had one.</returns>
    public static async ValueTask<bool> DropAsync(RepositoryContext context, SessionId session, CancellationToken cancellationToken)
    {
        if (await NewestAsync(context, session, cancellationToken).ConfigureAwait(false) is not (_, > TraceRecord.EmptyObjectLength))
        {
            return false;
        }

        await CreateAsync(context, session, new TraceRecord { ChunkSize = context.Header.ChunkSize, Chunks = [] }, cancellationToken).ConfigureAwait(false);
        return true;
    }

    private static async ValueTask<(string Name, long Length)?> NewestAsync(RepositoryContext context, SessionId session, CancellationToken cancellationToken)
    {
        (string Name, long Length)? newest = null;
        await foreach (ObjectInfo info in context.Store.ListAsync(ObjectNames.TracesOf(session), null, cancellationToken).ConfigureAwait(false))
        {
            newest = (info.Name, info.Length);
        }

        return newest;
    }

    // Above the last one: collection may have taken those before it, and the last by name counts.
    private static async ValueTask CreateAsync(RepositoryContext context, SessionId session, TraceRecord trace, CancellationToken cancellationToken)
    {
        ReadOnlyMemory<byte> body = trace.ToBody();
        int number = 0;
        await foreach (ObjectInfo info in context.Store.ListAsync(ObjectNames.TracesOf(session), null, cancellationToken).ConfigureAwait(false))
        {
            number = ObjectNames.TryParseTrace(info.Name, out SessionId _, out int last) ? Math.Max(number, last + 1) : number;
        }

        while (await context.TryCreateRecordAsync(ObjectNames.Trace(session, number), RecordKind.Trace, body, cancellationToken).ConfigureAwait(false) is null)
        {
            number++;
        }

        await context.Store.FlushAsync(cancellationToken).ConfigureAwait(false);
    }
}
