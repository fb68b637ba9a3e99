using System;
using System.Buffers;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Packs;

namespace CloudImage.Sdk.Snapshots.Replication;

/// <summary>
/// Reads frames of the source in the order of their places: neighbours with one ranged read, several ranges at the same time,
/// every frame opened and digested before it is handed on. One user at a time.
/// </summary>
internal sealed class FrameTransfer
{
    // What lies between two wanted frames is read only where it is next to nothing: bytes are what replication is held to.
    private const int MaxGap = 1024;
    private const int PatchesAtOnce = 16;
    private readonly RepositoryContext _source;
    private readonly int _window;

    public FrameTransfer(RepositoryContext source, int concurrency)
    {
        _source = source;
        _window = concurrency > 0 ? concurrency : Math.Max(2, Math.Min(Environment.ProcessorCount, 8));
    }

    /// <summary>Bytes that were read so far.</summary>
    public long ReadBytes { get; private set; }

    /// <summary>Fetches chunks and hands them on one by one.</summary>
    /// <param name="wanted">The chunks, each once; put in the order of their places.</param>
    /// <param name="consume">Takes each chunk.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <exception cref="RepositoryCorruptException">A frame of the source is damaged.</exception>
    public async ValueTask FetchAsync(List<(ContentDigest Digest, FramePlace Place)> wanted, Func<TransferredChunk, ValueTask> consume, CancellationToken cancellationToken)
    {
        List<(ContentDigest Digest, FramePlace Place)> patched = wanted.FindAll(static chunk => chunk.Place.Patch is not null);
        wanted.RemoveAll(static chunk => chunk.Place.Patch is not null);
        await FetchPatchedAsync(patched, consume, cancellationToken).ConfigureAwait(false);
        for (int index = 0; !_source.Moves.IsEmpty && index < wanted.Count; index++)
        {
            wanted[index] = (wanted[index].Digest, _source.Moves.Resolve(wanted[index].Place));
        }

        wanted.Sort(static (left, right) => FrameRange.Compare(left.Place, right.Place));
        Queue<Task<Range>> running = new();
        int next = 0;
        try
        {
            while (next < wanted.Count || running.Count > 0)
            {
                while (next < wanted.Count && running.Count < _window)
                {
                    int from = next;
                    next = FrameRange.EndOf(wanted, static chunk => chunk.Place, from, MaxGap);
                    int to = next;
                    running.Enqueue(Task.Run(() => ReadRangeAsync(wanted, from, to, cancellationToken), CancellationToken.None));
                }

                using Range range = await running.Dequeue().ConfigureAwait(false);
                ReadBytes += range.Length;
                foreach (TransferredChunk chunk in range.Chunks)
                {
                    await consume(chunk).ConfigureAwait(false);
                }
            }
        }
        finally
        {
            foreach (Task<Range> task in running)
            {
                // What was read for nobody gives its buffers back; why the work ends is known already.
                await ((Task)task).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (task.IsCompletedSuccessfully)
                {
                    (await task.ConfigureAwait(false)).Dispose();
                }
            }
        }
    }

    // Patch and base travel as they are: the destination takes of both what it lacks. That one laid over the other is the chunk is seen here, with both at hand.
    private async ValueTask FetchPatchedAsync(List<(ContentDigest Digest, FramePlace Place)> patched, Func<TransferredChunk, ValueTask> consume, CancellationToken cancellationToken)
    {
        for (int from = 0; from < patched.Count; from += PatchesAtOnce)
        {
            List<(ContentDigest Digest, FramePlace Place)> batch = patched.GetRange(from, Math.Min(PatchesAtOnce, patched.Count - from));
            using PatchReading reading = new(_source);
            await reading.ReadAsync(batch, MaxGap, _window, cancellationToken).ConfigureAwait(false);
            ReadBytes += reading.Length;
            foreach ((ContentDigest digest, FramePlace place) in batch)
            {
                await consume(reading.Open(digest, place)).ConfigureAwait(false);
            }
        }
    }

    private async Task<Range> ReadRangeAsync(List<(ContentDigest Digest, FramePlace Place)> wanted, int from, int to, CancellationToken cancellationToken)
    {
        long start = wanted[from].Place.Offset;
        long end = start;
        for (int index = from; index < to; index++)
        {
            _source.Frames.ThrowIfTooLong(wanted[index].Place, _source.Header.ChunkSize);
            end = Math.Max(end, wanted[index].Place.End);
        }

        int length = checked((int)(end - start));
        Range range = new(length);
        byte[] plain = ArrayPool<byte>.Shared.Rent(_source.Header.ChunkSize);
        try
        {
            await ReadFramesAsync(wanted, from, to, range.Frames.AsMemory(0, length), cancellationToken).ConfigureAwait(false);
            for (int index = from; index < to; index++)
            {
                (ContentDigest digest, FramePlace place) = wanted[index];
                int offset = (int)(place.Offset - start);
                Memory<byte> frame = range.Frames.AsMemory(offset, (int)place.Length);
                Memory<byte> coded = range.Coded.AsMemory(offset, (int)place.Length);
                FrameHeader header = _source.Frames.OpenChunk(place, frame.Span, digest, coded.Span, plain.AsSpan(0, _source.Header.ChunkSize), out int codedLength);
                range.Chunks.Add(new TransferredChunk(digest, new TransferredFrame(digest, header, frame, coded[..codedLength])));
            }

            return range;
        }
        catch
        {
            range.Dispose();
            throw;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(plain);
        }
    }

    // A pack that is gone was compacted since its places were written down, or even since they were resolved: then frame by frame.
    private async ValueTask ReadFramesAsync(List<(ContentDigest Digest, FramePlace Place)> wanted, int from, int to, Memory<byte> frames, CancellationToken cancellationToken)
    {
        FramePlace first = wanted[from].Place;
        try
        {
            await PackReader.ReadExactlyAsync(_source.Store, first.Pack.ToString(), frames, first.Offset, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
        }
        catch (RepositoryCorruptException exception) when (PackReader.IsMissing(exception))
        {
            for (int index = from; index < to; index++)
            {
                FramePlace place = wanted[index].Place;
                await _source.ReadFrameAsync(place, frames.Slice((int)(place.Offset - first.Offset), (int)place.Length), IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private sealed class Range(int length) : IDisposable
    {
        public int Length => length;

        public byte[] Frames { get; } = ArrayPool<byte>.Shared.Rent(length);

        public byte[] Coded { get; } = ArrayPool<byte>.Shared.Rent(length);

        public List<TransferredChunk> Chunks { get; } = [];

        public void Dispose()
        {
            ArrayPool<byte>.Shared.Return(Frames);
            ArrayPool<byte>.Shared.Return(Coded);
        }
    }
}
