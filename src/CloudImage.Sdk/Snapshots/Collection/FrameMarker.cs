using System;
using System.Buffers;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Sessions;
using CloudImage.Sdk.Snapshots.Trees;

namespace CloudImage.Sdk.Snapshots.Collection;

/// <summary>Walks the trees of snapshots and marks every frame that they need. A node that several share is walked once.</summary>
/// <remarks>Memory: for each frame of the packs that are measured one bit, and four bytes for the offset that leads to it.</remarks>
internal sealed class FrameMarker
{
    private readonly RepositoryContext _context;
    private readonly ConcurrentDictionary<PackId, PackMarks?> _packs = new();
    private readonly ConcurrentDictionary<FramePlace, bool> _walked = new();
    private long _references;

    public FrameMarker(RepositoryContext context) => _context = context;

    /// <summary>References followed.</summary>
    public long References => Interlocked.Read(ref _references);

    /// <summary>The packs that were measured.</summary>
    public IEnumerable<KeyValuePair<PackId, PackMarks?>> Packs => _packs;

    /// <summary>Reads the slot table of a pack that shall be measured.</summary>
    /// <returns>Null, or what is wrong with the pack, which is then not measured.</returns>
    public async ValueTask<string?> LoadAsync(PackId pack, CancellationToken cancellationToken)
    {
        try
        {
            PackSlot[] slots = await PackReader.ReadSlotsAsync(_context.Store, pack, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
            _packs[pack] = new PackMarks(slots);
            return null;
        }
        catch (RepositoryCorruptException exception)
        {
            return exception.Message;
        }
    }

    /// <summary>Forgets packs of which it is not known what is needed of them.</summary>
    public void Exclude(RefSet packs)
    {
        foreach (PackId pack in packs)
        {
            _packs.TryRemove(pack, out _);
        }
    }

    /// <summary>Walks the tree of a snapshot.</summary>
    /// <exception cref="RepositoryCorruptException">A node is missing or damaged: what it refers to is not known.</exception>
    public async ValueTask WalkAsync(SnapshotDescriptor descriptor, CancellationToken cancellationToken)
    {
        if (TreeNode.KindOf(descriptor.Root) == EntryKind.Stored)
        {
            await WalkAsync(descriptor.Root, descriptor.RootPlace, descriptor.Geometry.RootLevel, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask WalkAsync(ContentDigest hash, FramePlace written, int level, CancellationToken cancellationToken)
    {
        FramePlace place = _context.Moves.Resolve(written);
        MarkNode(place);
        if (_walked.ContainsKey(place))
        {
            return;
        }

        byte[] rented = ArrayPool<byte>.Shared.Rent(checked((int)Math.Min(place.Length, NodeCodec.MaxLength)));
        byte[]? plain = null;
        List<(ContentDigest Hash, FramePlace Place)>? children = null;
        try
        {
            Memory<byte> frame = rented.AsMemory(0, (int)Math.Min(place.Length, NodeCodec.MaxLength));
            await _context.ReadFrameAsync(place, frame, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
            plain = _context.Frames.RentNode(place, frame.Span, hash, out int length);
            if (level == 0)
            {
                Interlocked.Add(ref _references, NodeMarker.MarkLeaf(place, plain.AsSpan(0, length), Find));
            }
            else
            {
                children = NodeMarker.ReadChildren(place, plain.AsSpan(0, length), level);
                Interlocked.Add(ref _references, children.Count);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
            if (plain is not null)
            {
                ArrayPool<byte>.Shared.Return(plain);
            }
        }

        if (children is not null)
        {
            ParallelOptions options = new() { MaxDegreeOfParallelism = level == 1 ? _context.Store.Capabilities.PreferredConcurrency : 1, CancellationToken = cancellationToken };
            await Parallel.ForEachAsync(children, options, (child, token) => WalkAsync(child.Hash, child.Place, level - 1, token)).ConfigureAwait(false);
        }

        // Only now: a walk that broke off below must not be taken for whole by the next snapshot.
        _walked.TryAdd(place, true);
    }

    private void MarkNode(FramePlace place)
    {
        int guess = 0;
        if (Find(place.Pack) is { } marks && !marks.TryMark(place.Offset, ref guess))
        {
            throw new RepositoryCorruptException(place.Pack.ToString(), place.Offset, "no frame begins here, where a tree has a node.");
        }
    }

    private PackMarks? Find(PackId pack) => _packs.GetValueOrDefault(pack);
}
