using System;
using System.Buffers;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Packs;

namespace CloudImage.Sdk.Snapshots.Replication;

/// <summary>A few patched chunks of a source, read frame by frame, neighbours together. One use each.</summary>
internal sealed class PatchReading : IDisposable
{
    private readonly RepositoryContext _source;
    private readonly Dictionary<FramePlace, FramePlace> _present = [];
    private readonly Dictionary<FramePlace, (byte[] Buffer, int Offset)> _frames = [];
    private readonly List<byte[]> _rented = [];
    private readonly byte[] _plain;
    private readonly byte[] _codedBase;
    private readonly byte[] _codedPatch;

    public PatchReading(RepositoryContext source)
    {
        _source = source;
        int length = source.Frames.MaxFrameLength(source.Header.ChunkSize);
        (_plain, _codedBase, _codedPatch) = (Rent(source.Header.ChunkSize), Rent(length), Rent(length));
    }

    /// <summary>Bytes that were read.</summary>
    public long Length { get; private set; }

    /// <summary>Reads patches and bases.</summary>
    public async ValueTask ReadAsync(List<(ContentDigest Digest, FramePlace Place)> patched, int maxGap, int concurrency, CancellationToken cancellationToken)
    {
        foreach ((ContentDigest _, FramePlace place) in patched)
        {
            FramePlace bare = place with { Patch = null };
            _present[bare] = _source.Moves.Resolve(bare);
            _present[place.Patch!.Base] = _source.Moves.Resolve(place.Patch.Base);
        }

        List<FramePlace> places = [.. new HashSet<FramePlace>(_present.Values)];
        places.Sort(static (left, right) => FrameRange.Compare(left, right));
        List<(int From, int To, byte[] Buffer)> ranges = [];
        for (int from = 0; from < places.Count;)
        {
            int to = FrameRange.EndOf(places, static place => place, from, maxGap);
            long end = 0;
            for (int index = from; index < to; index++)
            {
                _source.Frames.ThrowIfTooLong(places[index], _source.Header.ChunkSize);
                end = Math.Max(end, places[index].End);
            }

            byte[] buffer = Rent(checked((int)(end - places[from].Offset)));
            ranges.Add((from, to, buffer));
            Length += end - places[from].Offset;
            for (int index = from; index < to; index++)
            {
                _frames[places[index]] = (buffer, (int)(places[index].Offset - places[from].Offset));
            }

            from = to;
        }

        ParallelOptions options = new() { MaxDegreeOfParallelism = concurrency, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(ranges, options, (range, token) => ReadRangeAsync(places, range.From, range.To, range.Buffer, token)).ConfigureAwait(false);
    }

    /// <summary>Opens a chunk: patch and base as they are, and that they make the chunk.</summary>
    /// <returns>The chunk; good until the next one is opened.</returns>
    /// <exception cref="RepositoryCorruptException">A frame is damaged, or the two do not make the chunk.</exception>
    public TransferredChunk Open(ContentDigest digest, FramePlace place)
    {
        PatchBase patch = place.Patch!;
        Span<byte> plain = _plain.AsSpan(0, _source.Header.ChunkSize);
        ReadOnlyMemory<byte> baseFrame = FrameOf(patch.Base);
        FrameHeader baseHeader = _source.Frames.OpenChunk(patch.Base, baseFrame.Span, patch.BaseDigest, _codedBase, plain, out int baseLength);
        ReadOnlyMemory<byte> frame = FrameOf(place with { Patch = null });
        (FrameHeader header, byte[] blocks) = _source.Frames.OpenPatch(place, frame.Span, patch.PatchDigest, _codedPatch, ChunkPatch.MaxLength(plain.Length), out int length);
        if (!ChunkPatch.TryApply(blocks, plain) || _source.Frames.Hash(plain) != digest)
        {
            throw new RepositoryCorruptException(place.Pack.ToString(), place.Offset, $"the patched chunk does not have the digest {digest}.");
        }

        return new TransferredChunk(
            digest,
            new TransferredFrame(patch.PatchDigest, header, frame, _codedPatch.AsMemory(0, length)),
            new TransferredFrame(patch.BaseDigest, baseHeader, baseFrame, _codedBase.AsMemory(0, baseLength)));
    }

    public void Dispose()
    {
        foreach (byte[] buffer in _rented)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private ReadOnlyMemory<byte> FrameOf(FramePlace place)
    {
        (byte[] buffer, int offset) = _frames[_present[place]];
        return buffer.AsMemory(offset, (int)place.Length);
    }

    // A pack that is gone was compacted since its places were written down, or even since they were resolved: then frame by frame.
    private async ValueTask ReadRangeAsync(List<FramePlace> places, int from, int to, byte[] buffer, CancellationToken cancellationToken)
    {
        FramePlace first = places[from];
        try
        {
            int length = (int)(places[to - 1].End - first.Offset);
            await PackReader.ReadExactlyAsync(_source.Store, first.Pack.ToString(), buffer.AsMemory(0, length), first.Offset, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
        }
        catch (RepositoryCorruptException exception) when (PackReader.IsMissing(exception))
        {
            for (int index = from; index < to; index++)
            {
                Memory<byte> frame = buffer.AsMemory((int)(places[index].Offset - first.Offset), (int)places[index].Length);
                await _source.ReadFrameAsync(places[index], frame, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private byte[] Rent(int length)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(length);
        _rented.Add(buffer);
        return buffer;
    }
}
