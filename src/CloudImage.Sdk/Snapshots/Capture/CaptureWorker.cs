using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Compression;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Trees;

namespace CloudImage.Sdk.Snapshots.Capture;

/// <summary>Reads, hashes, compares and compresses chunks on a thread of its own. One instance a thread.</summary>
internal sealed class CaptureWorker
{
    private readonly CapturePlan _plan;
    private readonly Func<byte[]> _rentFrames;
    private readonly byte[] _plain;
    private readonly byte[] _decoded;
    private PatchBatch? _patches;

    public CaptureWorker(CapturePlan plan, Func<byte[]> rentFrames)
    {
        _plan = plan;
        _rentFrames = rentFrames;
        _plain = GC.AllocateUninitializedArray<byte>(plan.ChunkSize);
        _decoded = GC.AllocateUninitializedArray<byte>(plan.ChunkSize);
    }

    /// <summary>Reads the chunks of a unit ahead of its worker, from a disk that is not on this machine.</summary>
    public static async Task ReadAheadAsync(CapturePlan plan, CaptureUnit unit, byte[] plain, CancellationToken cancellationToken)
    {
        plain.AsSpan(0, unit.Entries.Count * plan.ChunkSize).Clear();
        foreach (DiskExtent range in unit.Ranges)
        {
            int entry = (int)((range.Offset / plan.ChunkSize) - unit.Leaf.FirstChunk);
            int slot = unit.Entries.BinarySearch(entry);
            int within = (int)(range.Offset % plan.ChunkSize);
            VirtualDisk source = range.Kind == DiskExtentKind.Data ? plan.Disk : plan.LayerBase!;
            Memory<byte> target = plain.AsMemory((slot * plan.ChunkSize) + within, (int)range.Length);
            int count = await source.ReadAsync(target, range.Offset, cancellationToken).ConfigureAwait(false);
            unit.ReadBytes += count;
            ThrowIfShort(range, count, target.Length, source);
        }
    }

    /// <summary>Works a unit through; its results and frames stand in it afterwards.</summary>
    public void Process(CaptureUnit unit, CancellationToken cancellationToken)
    {
        unit.Results = new ChunkResult[unit.Entries.Count];
        if (unit.Reading is not null)
        {
            SyncBridge.Wait(new ValueTask(unit.Reading));
        }

        int range = 0;
        int frames = 0;
        for (int slot = 0; slot < unit.Entries.Count; slot++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ReadOnlySpan<byte> plain = unit.Plain is { } ahead
                ? ahead.AsSpan(slot * _plan.ChunkSize, _plan.ChunkSize)
                : Read(unit, unit.Entries[slot], ref range);
            Process(unit, slot, plain, ref frames);
        }

        StorePatches(unit, ref frames, cancellationToken);
    }

    private ReadOnlySpan<byte> Read(CaptureUnit unit, int entry, ref int range)
    {
        long start = (unit.Leaf.FirstChunk + entry) * _plan.ChunkSize;
        Span<byte> plain = _plain;
        int filled = 0;
        for (; range < unit.Ranges.Count && unit.Ranges[range].Offset < start + _plan.ChunkSize; range++)
        {
            DiskExtent wanted = unit.Ranges[range];
            int within = (int)(wanted.Offset - start);
            plain[filled..within].Clear();
            VirtualDisk source = wanted.Kind == DiskExtentKind.Data ? _plan.Disk : _plan.LayerBase!;
            int count = source.Read(plain.Slice(within, (int)wanted.Length), wanted.Offset);
            unit.ReadBytes += count;
            ThrowIfShort(wanted, count, (int)wanted.Length, source);
            if (count < (int)wanted.Length)
            {
                plain.Slice(within + count, (int)wanted.Length - count).Clear();
            }

            filled = within + (int)wanted.Length;
        }

        plain[filled..].Clear();
        return plain;
    }

    // A base may end before its layer and reads as zeros from there on; the captured disk itself must not.
    private static void ThrowIfShort(in DiskExtent range, int count, int expected, VirtualDisk source)
    {
        if (count < expected && range.Kind == DiskExtentKind.Data)
        {
            throw new SnapshotRepositoryException($"The disk gave {count} bytes of {expected} at {range.Offset}, within its length of {source.Length}.");
        }
    }

    private void Process(CaptureUnit unit, int slot, ReadOnlySpan<byte> plain, ref int frames)
    {
        ref ChunkResult result = ref unit.Results[slot];
        if (ZeroDetector.IsZero(plain))
        {
            result.Outcome = ChunkOutcome.Zero;
            return;
        }

        int entry = unit.Entries[slot];
        result.Digest = _plan.Context.Frames.Hash(plain);
        FramePlace parentPlace = default;
        bool hasParent = unit.Leaf.ParentNode is { } parent && parent.Kind(entry) == EntryKind.Stored && _plan.TryUse(parent.Place(entry), out parentPlace);
        if (hasParent && unit.Leaf.ParentNode!.Digest(entry) == result.Digest)
        {
            result.Outcome = ChunkOutcome.Unchanged;
            result.Place = parentPlace;
            return;
        }

        if (parentPlace.Patch is { } earlier && earlier.BaseDigest == result.Digest)
        {
            // It is again what the parent's patch was laid over.
            result.Outcome = ChunkOutcome.Duplicate;
            result.Place = earlier.Base;
            return;
        }

        foreach ((TreeNode relative, NodeRef _) in unit.Leaf.Relatives)
        {
            if (relative.Digest(entry) == result.Digest && _plan.TryUse(relative.Place(entry), out FramePlace shared))
            {
                result.Outcome = ChunkOutcome.Duplicate;
                result.Place = shared;
                return;
            }
        }

        if (_plan.Index is not null && TryShare(unit.Leaf, result.Digest, ref result))
        {
            result.Outcome = ChunkOutcome.Duplicate;
            return;
        }

        // Over the parent's chunk at the same position, or, where that is a patch itself, over what it is laid over.
        if (_plan.UsesPatches && hasParent)
        {
            _patches ??= new PatchBatch(_plan);
            _patches.Add(slot, parentPlace.Patch?.Base ?? parentPlace, parentPlace.Patch?.BaseDigest ?? unit.Leaf.ParentNode!.Digest(entry), plain);
            return;
        }

        StoreWhole(unit, ref result, plain, ref frames);
    }

    private void StoreWhole(CaptureUnit unit, ref ChunkResult result, ReadOnlySpan<byte> plain, ref int frames)
    {
        Span<byte> destination = Begin(unit, ref result, frames);
        result.Header = _plan.Context.Frames.Encode(FrameKind.Chunk, result.Digest, plain, _plan.Codec, destination);
        frames += result.Header.FrameLength;
        Check(result.Header, destination[FrameHeader.SizeInBytes..result.Header.FrameLength], plain);
    }

    // What changed in a unit: the bases are fetched together, for a request to a distant store takes longer than all the work on a chunk.
    private void StorePatches(CaptureUnit unit, ref int frames, CancellationToken cancellationToken)
    {
        if (_patches is not { Count: > 0 } patches)
        {
            return;
        }

        patches.FetchBases(cancellationToken);
        for (int index = 0; index < patches.Count; index++)
        {
            ref ChunkResult result = ref unit.Results[patches.SlotOf(index)];
            if (patches.TryMake(index, out ReadOnlySpan<byte> patch, out PatchBase? basis))
            {
                StorePatch(unit, ref result, patch, basis, ref frames);
            }
            else
            {
                StoreWhole(unit, ref result, patches.PlainOf(index), ref frames);
            }
        }

        patches.Clear();
    }

    private void StorePatch(CaptureUnit unit, ref ChunkResult result, ReadOnlySpan<byte> patch, PatchBase basis, ref int frames)
    {
        // Disks that were made from one image and changed alike share their patches.
        if (_plan.Index is not null && TryShare(unit.Leaf, basis.PatchDigest, ref result))
        {
            result.Outcome = ChunkOutcome.Duplicate;
            result.Place = result.Place with { Patch = basis };
            return;
        }

        Span<byte> destination = Begin(unit, ref result, frames);
        result.Header = _plan.Context.Frames.Encode(FrameKind.Patch, basis.PatchDigest, patch, _plan.Codec, destination);
        result.Patch = basis;
        frames += result.Header.FrameLength;
        Check(result.Header, destination[FrameHeader.SizeInBytes..result.Header.FrameLength], patch);
    }

    private Span<byte> Begin(CaptureUnit unit, ref ChunkResult result, int frames)
    {
        unit.Frames ??= _rentFrames();
        result.Outcome = ChunkOutcome.New;
        result.FrameOffset = frames;
        return unit.Frames.AsSpan(frames, _plan.Context.Frames.MaxFrameLength(_plan.ChunkSize));
    }

    private bool TryShare(CaptureLeaf leaf, ContentDigest digest, ref ChunkResult result)
    {
        FramePlace place = Find(digest);
        if (place.IsDefault)
        {
            return false;
        }

        result.Place = place;
        result.IsDeclined = place.Pack.Session != _plan.OwnSession && !leaf.Admit(place.Pack, _plan.MaxForeignPacks);
        return !result.IsDeclined;
    }

    private FramePlace Find(ContentDigest digest) =>
        SyncBridge.Wait(_plan.Index!.FindAsync(_plan.Context.Frames.IdOf(digest), IoMode.Synchronous, CancellationToken.None));

    // What a codec or a cipher makes is opened again before it is trusted: a fault of theirs would be found years later, by a restore.
    private void Check(in FrameHeader header, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> plain)
    {
        bool isSame = header.Codec == ChunkCodecId.Stored && !header.IsSealed
            ? payload.SequenceEqual(plain)
            : _plan.Context.Frames.TryDecode(header, payload, _decoded.AsSpan(0, plain.Length)) && plain.SequenceEqual(_decoded.AsSpan(0, plain.Length));
        if (!isSame)
        {
            throw new SnapshotRepositoryException($"A chunk did not survive being encoded with {header.Codec}: the memory or the codec of this machine is at fault.");
        }
    }
}
