using System;
using System.Buffers;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Snapshots.Packs;

/// <summary>Fetches chunks from packs: neighbours with one ranged read, ranges of a remote store at the same time, each chunk verified. Thread-safe.</summary>
internal sealed class ChunkFetcher
{
    /// <summary>How many bytes that nobody wants are read rather than a second request made.</summary>
    private const int MaxGap = 64 * 1024;
    private readonly RepositoryContext _context;

    public ChunkFetcher(RepositoryContext context) => _context = context;

    public async ValueTask FetchAsync(WantedChunk wanted, IoMode mode, CancellationToken cancellationToken)
    {
        _context.Frames.ThrowIfTooLong(wanted.Place, wanted.Plain.Length);
        if (wanted.Place.Patch is { } patch)
        {
            await FetchPatchedAsync(wanted, patch, mode, cancellationToken).ConfigureAwait(false);
            return;
        }

        byte[] rented = ArrayPool<byte>.Shared.Rent((int)wanted.Place.Length);
        try
        {
            Memory<byte> frame = rented.AsMemory(0, (int)wanted.Place.Length);
            await _context.ReadFrameAsync(wanted.Place, frame, mode, cancellationToken).ConfigureAwait(false);
            _context.Frames.DecodeChunk(wanted.Place, frame.Span, wanted.Digest, wanted.Plain.Span);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    /// <summary>Fetches chunks; puts the list in another order.</summary>
    public async ValueTask FetchManyAsync(List<WantedChunk> wanted, IoMode mode, CancellationToken cancellationToken)
    {
        if (wanted.Count == 1)
        {
            await FetchAsync(wanted[0], mode, cancellationToken).ConfigureAwait(false);
            return;
        }

        // Of a patched chunk the base is fetched among the whole ones, into the same buffer; then come the patches, which lie beside each other as well.
        List<WantedChunk> patched = wanted.FindAll(static chunk => chunk.Place.Patch is not null);
        for (int index = 0; patched.Count > 0 && index < wanted.Count; index++)
        {
            WantedChunk chunk = wanted[index];
            wanted[index] = chunk.Place.Patch is { } patch ? new WantedChunk(patch.Base, patch.BaseDigest, chunk.Plain) : chunk;
        }

        byte[][] patches = new byte[patched.Count][];
        await BothAsync(
            () => FetchFramesAsync(wanted, null, mode, cancellationToken), () => FetchFramesAsync(patched, patches, mode, cancellationToken), mode).ConfigureAwait(false);
        for (int index = 0; index < patched.Count; index++)
        {
            Apply(patched[index], patches[index]);
        }
    }

    // Whole chunks into their buffers, or patches beside them.
    private async ValueTask FetchFramesAsync(List<WantedChunk> wanted, byte[][]? patches, IoMode mode, CancellationToken cancellationToken)
    {
        for (int index = 0; !_context.Moves.IsEmpty && index < wanted.Count; index++)
        {
            FramePlace place = wanted[index].Place;
            wanted[index] = wanted[index] with { Place = _context.Moves.Resolve(place) with { Patch = place.Patch } };
        }

        List<(int From, int To)> ranges = Coalesce(wanted);
        if (mode == IoMode.Synchronous || ranges.Count <= 1)
        {
            foreach ((int from, int to) in ranges)
            {
                await FetchRangeOrEachAsync(wanted, patches, from, to, mode, cancellationToken).ConfigureAwait(false);
            }

            return;
        }

        ParallelOptions options = new() { MaxDegreeOfParallelism = _context.Store.Capabilities.PreferredConcurrency, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(ranges, options, (range, token) => FetchRangeOrEachAsync(wanted, patches, range.From, range.To, mode, token)).ConfigureAwait(false);
    }

    private async ValueTask FetchPatchedAsync(WantedChunk wanted, PatchBase patch, IoMode mode, CancellationToken cancellationToken)
    {
        byte[] blocks = [];
        await BothAsync(ReadAsync, () => FetchAsync(new WantedChunk(patch.Base, patch.BaseDigest, wanted.Plain), mode, cancellationToken), mode).ConfigureAwait(false);
        Apply(wanted, blocks);

        async ValueTask ReadAsync() => blocks = await ReadPatchAsync(wanted, mode, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<byte[]> ReadPatchAsync(WantedChunk wanted, IoMode mode, CancellationToken cancellationToken)
    {
        FramePlace place = wanted.Place with { Patch = null };
        byte[] rented = ArrayPool<byte>.Shared.Rent((int)place.Length);
        try
        {
            Memory<byte> frame = rented.AsMemory(0, (int)place.Length);
            await _context.ReadFrameAsync(place, frame, mode, cancellationToken).ConfigureAwait(false);
            return DecodePatch(wanted, frame.Span);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    // What lies apart in a distant store comes in the time of one.
    private async ValueTask BothAsync(Func<ValueTask> first, Func<ValueTask> second, IoMode mode)
    {
        if (mode == IoMode.Asynchronous && !_context.Store.Capabilities.IsLocal)
        {
            Task running = first().AsTask();
            await Task.WhenAll(running, second().AsTask()).ConfigureAwait(false);
            return;
        }

        await first().ConfigureAwait(false);
        await second().ConfigureAwait(false);
    }

    private byte[] DecodePatch(WantedChunk wanted, ReadOnlySpan<byte> frame) =>
        _context.Frames.DecodePatch(wanted.Place, frame, wanted.Place.Patch!.PatchDigest, ChunkPatch.MaxLength(wanted.Plain.Length));

    // Lays a patch over the base in the buffer.
    private void Apply(WantedChunk wanted, byte[] patch)
    {
        Span<byte> plain = wanted.Plain.Span;
        if (!ChunkPatch.TryApply(patch, plain) || _context.Frames.Hash(plain) != wanted.Digest)
        {
            // What stands there is made of the base: bytes that were never at this place of the disk.
            plain.Clear();
            throw new RepositoryCorruptException(wanted.Place.Pack.ToString(), wanted.Place.Offset, $"the patched chunk does not have the digest {wanted.Digest}.");
        }
    }

    private static List<(int From, int To)> Coalesce(List<WantedChunk> wanted)
    {
        // In order of place; shared chunks may stand twice and decode twice from one read.
        wanted.Sort(static (left, right) => FrameRange.Compare(left.Place, right.Place));
        List<(int From, int To)> ranges = [];
        for (int from = 0; from < wanted.Count;)
        {
            int to = FrameRange.EndOf(wanted, static chunk => chunk.Place, from, MaxGap);
            ranges.Add((from, to));
            from = to;
        }

        return ranges;
    }

    // Chunks whose pack is gone may have been moved apart: each is looked for on its own.
    private async ValueTask FetchRangeOrEachAsync(List<WantedChunk> wanted, byte[][]? patches, int from, int to, IoMode mode, CancellationToken cancellationToken)
    {
        try
        {
            await FetchRangeAsync(wanted, patches, from, to, mode, cancellationToken).ConfigureAwait(false);
        }
        catch (RepositoryCorruptException exception) when (PackReader.IsMissing(exception))
        {
            for (int index = from; index < to; index++)
            {
                if (patches is not null)
                {
                    patches[index] = await ReadPatchAsync(wanted[index], mode, cancellationToken).ConfigureAwait(false);
                    continue;
                }

                await FetchAsync(wanted[index], mode, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async ValueTask FetchRangeAsync(List<WantedChunk> wanted, byte[][]? patches, int from, int to, IoMode mode, CancellationToken cancellationToken)
    {
        long start = wanted[from].Place.Offset;
        long end = start;
        for (int index = from; index < to; index++)
        {
            _context.Frames.ThrowIfTooLong(wanted[index].Place, wanted[index].Plain.Length);
            end = Math.Max(end, wanted[index].Place.End);
        }

        int length = checked((int)(end - start));
        byte[] rented = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            await PackReader.ReadExactlyAsync(_context.Store, wanted[from].Place.Pack.ToString(), rented.AsMemory(0, length), start, mode, cancellationToken).ConfigureAwait(false);
            for (int index = from; index < to; index++)
            {
                WantedChunk chunk = wanted[index];
                ReadOnlySpan<byte> frame = rented.AsSpan((int)(chunk.Place.Offset - start), (int)chunk.Place.Length);
                if (patches is not null)
                {
                    patches[index] = DecodePatch(chunk, frame);
                    continue;
                }

                _context.Frames.DecodeChunk(chunk.Place, frame, chunk.Digest, chunk.Plain.Span);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }
}
