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

/// <summary>Keeps traces: <c>t/&lt;sid&gt;-&lt;n&gt;</c>, of which the last one counts. They are an accelerator; nothing refers to them.</summary>
internal static class TraceStore
{
    private const long MaxFrameBytes = 256L << 20;

    public static async ValueTask<TraceRecord?> FindAsync(RepositoryContext context, SessionId session, CancellationToken cancellationToken)
    {
        string? newest = null;
        await foreach (ObjectInfo info in context.Store.ListAsync(ObjectNames.TracesOf(session), null, cancellationToken).ConfigureAwait(false))
        {
            newest = info.Name;
        }

        return newest is not null && await context.TryReadRecordAsync(newest, RecordKind.Trace, cancellationToken).ConfigureAwait(false) is { } body
            ? TraceRecord.Read(newest, body)
            : null;
    }

    public static async ValueTask SaveAsync(RepositoryContext context, CommittedSnapshot snapshot, ReadTrace trace, CancellationToken cancellationToken)
    {
        SnapshotTree tree = snapshot.OpenTree(context);
        ChunkFetcher fetcher = new(context);
        byte[] plain = new byte[context.Header.ChunkSize];
        byte[] frame = new byte[context.Frames.MaxFrameLength(plain.Length)];
        List<(long Chunk, ReadOnlyMemory<byte> Frame)> chunks = [];
        long frames = 0;
        foreach (long chunk in trace.Chunks(context.Header.ChunkSize))
        {
            (TreeNode? leaf, EntryKind _, int _) = await tree.LeafAsync(chunk, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
            int index = (int)(chunk % TreeGeometry.FanOut);
            if (leaf is null || leaf.Kind(index) != EntryKind.Stored)
            {
                continue;
            }

            if (frames + frame.Length > MaxFrameBytes)
            {
                chunks.Add((chunk, default));
                continue;
            }

            await fetcher.FetchAsync(new WantedChunk(leaf.Place(index), leaf.Digest(index), plain), IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
            FrameHeader header = context.Frames.Encode(FrameKind.Chunk, leaf.Digest(index), plain, ChunkCodec.Lz4, frame);
            chunks.Add((chunk, frame.AsMemory(0, header.FrameLength).ToArray()));
            frames += header.FrameLength;
        }

        ReadOnlyMemory<byte> body = new TraceRecord { ChunkSize = context.Header.ChunkSize, Chunks = chunks }.ToBody();
        // Above the last one: collection may have taken those before it, and the last by name counts.
        int number = 0;
        await foreach (ObjectInfo info in context.Store.ListAsync(ObjectNames.TracesOf(snapshot.Id), null, cancellationToken).ConfigureAwait(false))
        {
            number = ObjectNames.TryParseTrace(info.Name, out SessionId _, out int last) ? Math.Max(number, last + 1) : number;
        }

        while (await context.TryCreateRecordAsync(ObjectNames.Trace(snapshot.Id, number), RecordKind.Trace, body, cancellationToken).ConfigureAwait(false) is null)
        {
            number++;
        }

        await context.Store.FlushAsync(cancellationToken).ConfigureAwait(false);
    }
}
