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

    public async ValueTask FetchManyAsync(List<WantedChunk> wanted, IoMode mode, CancellationToken cancellationToken)
    {
        if (wanted.Count == 1)
        {
            await FetchAsync(wanted[0], mode, cancellationToken).ConfigureAwait(false);
            return;
        }

        await FetchPatchesAsync(wanted, mode, cancellationToken).ConfigureAwait(false);
        for (int index = 0; !_context.Moves.IsEmpty && index < wanted.Count; index++)
        {
            wanted[index] = wanted[index] with { Place = _context.Moves.Resolve(wanted[index].Place) };
        }

        List<(int From, int To)> ranges = Coalesce(wanted);
        if (mode == IoMode.Synchronous || ranges.Count <= 1)
        {
            foreach ((int from, int to) in ranges)
            {
                await FetchRangeOrEachAsync(wanted, from, to, mode, cancellationToken).ConfigureAwait(false);
            }

            return;
        }

        ParallelOptions options = new() { MaxDegreeOfParallelism = _context.Store.Capabilities.PreferredConcurrency, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(ranges, options, (range, token) => FetchRangeOrEachAsync(wanted, range.From, range.To, mode, token)).ConfigureAwait(false);
    }

    // Patches are few, and each is two frames that lie apart.
    private async ValueTask FetchPatchesAsync(List<WantedChunk> wanted, IoMode mode, CancellationToken cancellationToken)
    {
        List<WantedChunk> patched = wanted.FindAll(static chunk => chunk.Place.Patch is not null);
        if (patched.Count == 0)
        {
            return;
        }

        wanted.RemoveAll(static chunk => chunk.Place.Patch is not null);
        if (mode == IoMode.Synchronous)
        {
            foreach (WantedChunk chunk in patched)
            {
                await FetchAsync(chunk, mode, cancellationToken).ConfigureAwait(false);
            }

            return;
        }

        ParallelOptions options = new() { MaxDegreeOfParallelism = _context.Store.Capabilities.PreferredConcurrency, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(patched, options, (chunk, token) => FetchAsync(chunk, mode, token)).ConfigureAwait(false);
    }

    private async ValueTask FetchPatchedAsync(WantedChunk wanted, PatchBase patch, IoMode mode, CancellationToken cancellationToken)
    {
        FramePlace place = wanted.Place with { Patch = null };
        byte[] rented = ArrayPool<byte>.Shared.Rent((int)place.Length);
        try
        {
            Memory<byte> frame = rented.AsMemory(0, (int)place.Length);
            await _context.ReadFrameAsync(place, frame, mode, cancellationToken).ConfigureAwait(false);
            byte[] blocks = _context.Frames.DecodePatch(place, frame.Span, patch.PatchDigest, ChunkPatch.MaxLength(wanted.Plain.Length));
            await FetchAsync(new WantedChunk(patch.Base, patch.BaseDigest, wanted.Plain), mode, cancellationToken).ConfigureAwait(false);
            if (!ChunkPatch.TryApply(blocks, wanted.Plain.Span) || _context.Frames.Hash(wanted.Plain.Span) != wanted.Digest)
            {
                wanted.Plain.Span.Clear();
                throw new RepositoryCorruptException(place.Pack.ToString(), place.Offset, $"the patched chunk does not have the digest {wanted.Digest}.");
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
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
    private async ValueTask FetchRangeOrEachAsync(List<WantedChunk> wanted, int from, int to, IoMode mode, CancellationToken cancellationToken)
    {
        try
        {
            await FetchRangeAsync(wanted, from, to, mode, cancellationToken).ConfigureAwait(false);
        }
        catch (RepositoryCorruptException exception) when (PackReader.IsMissing(exception))
        {
            for (int index = from; index < to; index++)
            {
                await FetchAsync(wanted[index], mode, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async ValueTask FetchRangeAsync(List<WantedChunk> wanted, int from, int to, IoMode mode, CancellationToken cancellationToken)
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
                _context.Frames.DecodeChunk(chunk.Place, rented.AsSpan((int)(chunk.Place.Offset - start), (int)chunk.Place.Length), chunk.Digest, chunk.Plain.Span);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }
}
