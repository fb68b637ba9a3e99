using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using System.Threading;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Packs;

namespace CloudImage.Sdk.Snapshots.Capture;

/// <summary>Changed chunks of one unit that may become patches, with what they would be laid over. One user at a time.</summary>
internal sealed class PatchBatch
{
    private readonly CapturePlan _plan;
    private readonly ChunkFetcher _fetcher;
    private readonly List<(int Slot, WantedChunk Base, bool IsThere)> _candidates = [];
    private readonly byte[] _plain;
    private readonly byte[] _bases;
    private readonly byte[] _patch;

    public PatchBatch(CapturePlan plan)
    {
        _plan = plan;
        _fetcher = new ChunkFetcher(plan.Context);
        _plain = GC.AllocateUninitializedArray<byte>(plan.ChunksPerUnit * plan.ChunkSize);
        _bases = GC.AllocateUninitializedArray<byte>(plan.ChunksPerUnit * plan.ChunkSize);
        _patch = GC.AllocateUninitializedArray<byte>(ChunkPatch.MaxLength(plan.ChunkSize));
    }

    public int Count => _candidates.Count;

    public int SlotOf(int index) => _candidates[index].Slot;

    public ReadOnlySpan<byte> PlainOf(int index) => _plain.AsSpan(index * _plan.ChunkSize, _plan.ChunkSize);

    /// <summary>Adds a chunk, at most as many as a unit has.</summary>
    public void Add(int slot, FramePlace basis, ContentDigest baseDigest, ReadOnlySpan<byte> plain)
    {
        int offset = _candidates.Count * _plan.ChunkSize;
        plain.CopyTo(_plain.AsSpan(offset));
        _candidates.Add((slot, new WantedChunk(basis, baseDigest, _bases.AsMemory(offset, _plan.ChunkSize)), true));
    }

    public void Clear() => _candidates.Clear();

    /// <summary>Fetches all bases; one that is damaged is left out.</summary>
    public void FetchBases(CancellationToken cancellationToken)
    {
        IoMode mode = _plan.Context.Store.Capabilities.IsLocal ? IoMode.Synchronous : IoMode.Asynchronous;
        try
        {
            SyncBridge.Wait(_fetcher.FetchManyAsync(_candidates.ConvertAll(static candidate => candidate.Base), mode, cancellationToken));
            return;
        }
        catch (RepositoryCorruptException)
        {
            // Some base is damaged: those that are not are found below.
        }

        for (int index = 0; index < _candidates.Count; index++)
        {
            try
            {
                SyncBridge.Wait(_fetcher.FetchAsync(_candidates[index].Base, mode, cancellationToken));
            }
            catch (RepositoryCorruptException)
            {
                // The chunk is stored whole, and verification names the damage.
                _candidates[index] = _candidates[index] with { IsThere = false };
            }
        }
    }

    /// <summary>Makes the patch of a chunk.</summary>
    /// <param name="index">Which one.</param>
    /// <param name="patch">Receives mask and blocks; good until the next patch is made.</param>
    /// <param name="basis">Receives what it is laid over.</param>
    /// <returns>False where the chunk is better stored whole.</returns>
    /// <exception cref="SnapshotRepositoryException">The patch does not give the chunk: memory is at fault.</exception>
    public bool TryMake(int index, out ReadOnlySpan<byte> patch, [NotNullWhen(true)] out PatchBase? basis)
    {
        (int _, WantedChunk wanted, bool isThere) = _candidates[index];
        int length = isThere ? ChunkPatch.Create(PlainOf(index), wanted.Plain.Span, _patch) : 0;
        patch = _patch.AsSpan(0, length);
        basis = null;
        if (length == 0)
        {
            return false;
        }

        if (!ChunkPatch.TryApply(patch, wanted.Plain.Span) || !wanted.Plain.Span.SequenceEqual(PlainOf(index)))
        {
            throw new SnapshotRepositoryException("A patch laid over its base does not give the chunk that it was made of: the memory of this machine is at fault.");
        }

        basis = new PatchBase(wanted.Place, wanted.Digest, _plan.Context.Frames.Hash(patch));
        return true;
    }
}
