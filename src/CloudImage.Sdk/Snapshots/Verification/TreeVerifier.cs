using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Sessions;
using CloudImage.Sdk.Snapshots.Trees;

namespace CloudImage.Sdk.Snapshots.Verification;

/// <summary>
/// Walks trees: every node against its hash, every place against a slot table, every pack against the refs of the prep.
/// A node that several snapshots share is walked once for its content, and once a snapshot for its packs.
/// </summary>
internal sealed class TreeVerifier
{
    private readonly RepositoryContext _context;
    private readonly ProblemList _problems;
    private readonly bool _opensPatches;
    private readonly HashSet<FramePlace> _goodLeaves = [];
    private readonly ConcurrentDictionary<PackId, PackSlot[]?> _tables = new();

    public TreeVerifier(RepositoryContext context, ProblemList problems, bool opensPatches)
    {
        _opensPatches = opensPatches;
        _context = context;
        _problems = problems;
    }

    /// <summary>Packs that some snapshot refers to.</summary>
    public HashSet<PackId> Referenced { get; } = [];

    /// <summary>Walks one snapshot.</summary>
    /// <returns>Whether nothing was found wrong with it.</returns>
    public async ValueTask<bool> VerifyAsync(CommittedSnapshot snapshot, CancellationToken cancellationToken)
    {
        int before = _problems.Count;
        Referenced.UnionWith(_context.Moves.Present(snapshot.Refs));
        SnapshotTree tree = snapshot.OpenTree(_context);
        HashSet<PackId> reached = [];
        await WalkAsync(snapshot, tree, tree.Root, tree.Geometry.RootLevel, 0, reached, cancellationToken).ConfigureAwait(false);
        foreach (PackId pack in reached)
        {
            if (!snapshot.Refs.Contains(pack))
            {
                _problems.Add(ObjectNames.Prep(snapshot.Id, snapshot.PrepNumber), $"Snapshot {snapshot.Id} refers to pack '{pack}', which its prep does not name.");
            }
        }

        return _problems.Count == before;
    }

    private async ValueTask WalkAsync(
        CommittedSnapshot snapshot, SnapshotTree tree, NodeRef reference, int level, long firstChunk, HashSet<PackId> reached, CancellationToken cancellationToken)
    {
        if (reference.Kind == EntryKind.Absent && !snapshot.Descriptor.IsLayer)
        {
            _problems.Add(ObjectNames.Prep(snapshot.Id, snapshot.PrepNumber), $"Snapshot {snapshot.Id} is no layer and has an absent range from chunk {firstChunk}.");
        }

        if (reference.Kind != EntryKind.Stored)
        {
            return;
        }

        reached.Add(reference.Place.Pack);
        TreeNode node;
        try
        {
            node = await tree.LoadAsync(reference, level, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
            await CheckPlaceAsync(reference.Place, reference.Hash, cancellationToken).ConfigureAwait(false);
        }
        catch (RepositoryCorruptException exception)
        {
            _problems.Add(reference.Place.Pack.ToString(), exception);
            return;
        }

        CheckEnd(snapshot, tree, node, level, firstChunk);
        if (level == 0)
        {
            await CheckLeafAsync(snapshot, reference, node, reached, cancellationToken).ConfigureAwait(false);
            return;
        }

        long span = TreeGeometry.ChunksPerEntry(level);
        for (int index = 0; index < TreeGeometry.FanOut; index++)
        {
            NodeRef child = new(node.Digest(index), node.Place(index), null, 0);
            await WalkAsync(snapshot, tree, child, level - 1, firstChunk + (index * span), reached, cancellationToken).ConfigureAwait(false);
            await CheckReachAsync(tree, node, index, level, child, cancellationToken).ConfigureAwait(false);
        }
    }

    private void CheckEnd(CommittedSnapshot snapshot, SnapshotTree tree, TreeNode node, int level, long firstChunk)
    {
        for (int index = tree.Geometry.UsedEntries(level, firstChunk); index < TreeGeometry.FanOut; index++)
        {
            if (node.Kind(index) != EntryKind.Zero)
            {
                _problems.Add(ObjectNames.Prep(snapshot.Id, snapshot.PrepNumber), $"Snapshot {snapshot.Id} has content behind the end of its disk, in the node of level {level} at chunk {firstChunk}.");
                return;
            }
        }
    }

    // What a node of level 1 says of its leaves decides over collection: it has to be exactly what the leaves say.
    private async ValueTask CheckReachAsync(SnapshotTree tree, TreeNode node, int index, int level, NodeRef child, CancellationToken cancellationToken)
    {
        if (level != 1 || child.Kind != EntryKind.Stored || !_goodLeaves.Contains(child.Place))
        {
            return;
        }

        TreeNode leaf = await tree.LoadAsync(child, 0, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
        PackId[] direct = leaf.DirectPacks();
        HashSet<PackId> named = [.. node.Reach(index)];
        if (!named.SetEquals(direct) || node.ChunksOf(index) != leaf.CountStored())
        {
            _problems.Add(child.Place.Pack.ToString(), $"The node above leaf {child.Hash} in pack '{child.Place.Pack}' names other packs, or another number of chunks, than the leaf.");
        }
    }

    private async ValueTask CheckLeafAsync(CommittedSnapshot snapshot, NodeRef reference, TreeNode leaf, HashSet<PackId> reached, CancellationToken cancellationToken)
    {
        reached.UnionWith(leaf.DirectPacks());
        if (_goodLeaves.Contains(reference.Place))
        {
            return;
        }

        bool isGood = true;
        for (int index = 0; index < TreeGeometry.FanOut; index++)
        {
            EntryKind kind = leaf.Kind(index);
            if (kind == EntryKind.Absent && !snapshot.Descriptor.IsLayer)
            {
                _problems.Add(ObjectNames.Prep(snapshot.Id, snapshot.PrepNumber), $"Snapshot {snapshot.Id} is no layer and has an absent chunk in leaf {reference.Hash}.");
            }

            if (kind == EntryKind.Stored)
            {
                isGood &= await CheckEntryAsync(leaf.Place(index), leaf.Digest(index), cancellationToken).ConfigureAwait(false);
            }
        }

        if (isGood)
        {
            _goodLeaves.Add(reference.Place);
        }
    }

    // Patch and base are frames of their own; that the one laid over the other has the chunk's digest is seen by reading both.
    private async ValueTask<bool> CheckEntryAsync(FramePlace place, Hashing.ContentDigest digest, CancellationToken cancellationToken)
    {
        if (place.Patch is not { } patch)
        {
            return await CheckPlaceAsync(place, digest, cancellationToken).ConfigureAwait(false);
        }

        bool isPatchThere = await CheckPlaceAsync(place with { Patch = null }, patch.PatchDigest, cancellationToken).ConfigureAwait(false);
        bool isBaseThere = await CheckPlaceAsync(patch.Base, patch.BaseDigest, cancellationToken).ConfigureAwait(false);
        if (!isPatchThere || !isBaseThere || !_opensPatches)
        {
            return isPatchThere && isBaseThere;
        }

        try
        {
            byte[] chunk = new byte[_context.Header.ChunkSize];
            await new ChunkFetcher(_context).FetchAsync(new WantedChunk(place, digest, chunk), IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (RepositoryCorruptException exception)
        {
            _problems.Add(place.Pack.ToString(), exception);
            return false;
        }
    }

    private async ValueTask<bool> CheckPlaceAsync(FramePlace written, Hashing.ContentDigest digest, CancellationToken cancellationToken)
    {
        FramePlace place = _context.Moves.Resolve(written);
        PackSlot[]? slots = await TableAsync(place.Pack, cancellationToken).ConfigureAwait(false);
        if (slots is null)
        {
            return false;
        }

        int low = 0;
        int high = slots.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            if (slots[middle].Offset == place.Offset)
            {
                if (slots[middle].Length == place.Length && _context.Frames.IsIdOf(slots[middle].Header.Id, digest))
                {
                    return true;
                }

                break;
            }

            (low, high) = slots[middle].Offset < place.Offset ? (middle + 1, high) : (low, middle - 1);
        }

        _problems.Add(place.Pack.ToString(), $"Object '{place.Pack}', at byte {place.Offset}: the tree expects a frame of {place.Length} bytes of {digest}, the slot table has none.");
        return false;
    }

    private async ValueTask<PackSlot[]?> TableAsync(PackId pack, CancellationToken cancellationToken)
    {
        if (_tables.TryGetValue(pack, out PackSlot[]? known) && known is null)
        {
            return null;
        }

        try
        {
            return await _context.SlotsAsync(pack, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
        }
        catch (RepositoryCorruptException exception)
        {
            _problems.Add(pack.ToString(), exception);
            _tables[pack] = null;
            return null;
        }
    }
}
