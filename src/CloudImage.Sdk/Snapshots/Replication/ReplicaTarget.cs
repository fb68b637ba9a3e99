using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Sessions;
using CloudImage.Sdk.Snapshots.Trees;

namespace CloudImage.Sdk.Snapshots.Replication;

/// <summary>One destination while one snapshot is copied into it. One user at a time.</summary>
internal sealed class ReplicaTarget : IAsyncDisposable
{
    private readonly RepositoryContext _context;
    private readonly RepositoryProtection _source;
    private readonly WriteSession _session;
    private readonly SnapshotTree? _baseTree;
    private readonly SessionOutput _output;
    private readonly byte[] _sealed;
    private readonly List<int> _missing = [];
    private TreeBuilder _builder = null!;
    private TreeNode _leaf = null!;
    private TreeNode? _baseLeaf;
    private NodeRef _baseRef;

    public ReplicaTarget(RepositoryContext context, RepositoryProtection source, WriteSession session, CommittedSnapshot? basis, CancellationToken cancellationToken)
    {
        _context = context;
        _source = source;
        _session = session;
        _baseTree = basis?.OpenTree(context);
        _output = new SessionOutput(context, session.Id, session.Owner, session.IsUsable, cancellationToken);
        _sealed = new byte[context.Frames.MaxFrameLength(context.Header.ChunkSize)];
    }

    /// <summary>The number behind which the copy stands; null for its own.</summary>
    public long? Place { get; init; }

    public SessionId SessionId => _session.Id;

    public long StoredBytes => _output.StoredBytes;

    public long ChunkCount { get; private set; }

    public long FrameBytes { get; private set; }

    public bool IsCommitted { get; private set; }

    public async ValueTask PrepareAsync(CancellationToken cancellationToken)
    {
        await _output.Index.LoadAsync(cancellationToken).ConfigureAwait(false);
        if (_session.Owner > 0)
        {
            await _output.AdoptAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    public void BeginRound(TreeGeometry geometry) => _builder = new TreeBuilder(_context, geometry, _output.TreePacks, _baseTree is null ? [] : [_baseTree], _session.IsUsable);

    /// <summary>Whether the base has a node of this hash at the same position, so that the source's need not be read.</summary>
    public async ValueTask<bool> HasSubtreeAsync(ContentDigest hash, int level, long firstChunk, CancellationToken cancellationToken)
    {
        if (_baseTree is null || level > _baseTree.Geometry.RootLevel || firstChunk >= _baseTree.Geometry.ChunkCount)
        {
            return false;
        }

        (NodeRef found, int foundLevel) = await _baseTree.FindAsync(level, firstChunk, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
        return foundLevel == level && found.Hash == hash;
    }

    /// <summary>Takes the base's leaf at a position, where it is the wanted one and may be referred to.</summary>
    /// <param name="hash">The hash that it must have; null where the subtree above it was found equal.</param>
    /// <param name="firstChunk">The leaf's first chunk.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask<bool> TryKeepLeafAsync(ContentDigest? hash, long firstChunk, CancellationToken cancellationToken)
    {
        _baseRef = default;
        _baseLeaf = null;
        if (_baseTree is null || firstChunk >= _baseTree.Geometry.ChunkCount)
        {
            return false;
        }

        (_baseRef, int _) = await _baseTree.FindAsync(0, firstChunk, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
        bool isWanted = hash is null || hash == _baseRef.Hash;
        if (_baseRef.Kind != EntryKind.Stored)
        {
            if (isWanted)
            {
                await _builder.AddSubtreeAsync(_baseRef, 0, null, cancellationToken).ConfigureAwait(false);
            }

            return isWanted;
        }

        if (isWanted && _baseRef.Reach is { } reach && _session.IsUsable(_baseRef.Place.Pack) && Array.TrueForAll(reach, _session.IsUsable))
        {
            await _builder.AddSubtreeAsync(_baseRef, 0, null, cancellationToken).ConfigureAwait(false);
            return true;
        }

        _baseLeaf = await _baseTree.LoadAsync(_baseRef, 0, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
        return false;
    }

    public ValueTask AddReservedAsync(NodeRef leaf, CancellationToken cancellationToken) => _builder.AddSubtreeAsync(leaf, 0, null, cancellationToken);

    /// <summary>Begins a leaf: entries whose chunks are here get their places, the others are told.</summary>
    /// <returns>The entries that are missing; good until the next leaf begins.</returns>
    public async ValueTask<IReadOnlyList<int>> BeginLeafAsync(TreeNode source, CancellationToken cancellationToken)
    {
        _leaf = new TreeNode(0);
        _missing.Clear();
        for (int index = 0; index < TreeGeometry.FanOut; index++)
        {
            ContentDigest digest = source.Digest(index);
            switch (source.Kind(index))
            {
                case EntryKind.Absent:
                    _leaf.SetAbsent(index);
                    break;
                case EntryKind.Stored when _baseLeaf is not null && _baseLeaf.Digest(index) == digest && TryUse(_baseLeaf.Place(index), out FramePlace kept):
                    _leaf.SetStored(index, digest, kept);
                    break;
                case EntryKind.Stored:
                    FramePlace place = await FindAsync(digest, cancellationToken).ConfigureAwait(false);
                    if (place.IsDefault && source.Place(index).Patch is { } patch)
                    {
                        place = await FindPatchedAsync(patch, index, cancellationToken).ConfigureAwait(false);
                    }

                    if (place.IsDefault)
                    {
                        _missing.Add(index);
                    }
                    else
                    {
                        _leaf.SetStored(index, digest, place);
                    }

                    break;
                default:
                    break;
            }
        }

        return _missing;
    }

    /// <summary>Stores what is missing of a chunk, verbatim where the keys allow it, and places every entry of the leaf that wants it.</summary>
    public async ValueTask StoreAsync(TransferredChunk chunk, IReadOnlyList<int> entries, CancellationToken cancellationToken)
    {
        FramePlace place;
        if (chunk.Base is { } basis)
        {
            FramePlace basePlace = await FindBaseAsync(basis.Digest, entries[0], cancellationToken).ConfigureAwait(false);
            basePlace = basePlace.IsDefault ? await StoreAsync(basis, cancellationToken).ConfigureAwait(false) : basePlace;
            place = await FindAsync(chunk.Frame.Digest, cancellationToken).ConfigureAwait(false);
            place = place.IsDefault ? await StoreAsync(chunk.Frame, cancellationToken).ConfigureAwait(false) : place;
            place = place with { Patch = new PatchBase(basePlace, basis.Digest, chunk.Frame.Digest) };
        }
        else
        {
            place = await StoreAsync(chunk.Frame, cancellationToken).ConfigureAwait(false);
        }

        ChunkCount++;
        foreach (int entry in entries)
        {
            _leaf.SetStored(entry, chunk.Digest, place);
        }
    }

    public ValueTask EndLeafAsync(int used, CancellationToken cancellationToken) => _builder.AddLeafAsync(_leaf, used, _baseLeaf, _baseRef, [], cancellationToken);

    /// <summary>Ends the tree, compares its root, and commits.</summary>
    /// <returns>False where collection condemned something meanwhile, so that another round is needed.</returns>
    /// <exception cref="SessionConflictException">Somebody else decided over the session.</exception>
    public async ValueTask<bool> TryCommitAsync(CommittedSnapshot source, DescriptorOrigin origin, SessionId parent, CancellationToken cancellationToken)
    {
        NodeRef root = await _builder.CompleteAsync(cancellationToken).ConfigureAwait(false);
        if (root.Hash != source.Descriptor.Root)
        {
            throw new SnapshotRepositoryException($"The copy of snapshot {source.Id} has the root {root.Hash}, not {source.Descriptor.Root}: it was not committed.");
        }

        IsCommitted = await _session.TryCommitAsync(
            _output, _builder.Refs, sequence => Describe(source.Descriptor, root, sequence, origin, parent), null, cancellationToken).ConfigureAwait(false);
        return IsCommitted;
    }

    public ValueTask DisposeAsync() => _output.DisposeAsync();

    private async ValueTask<FramePlace> StoreAsync(TransferredFrame transferred, CancellationToken cancellationToken)
    {
        ReadOnlyMemory<byte> frame = transferred.Frame;
        FrameHeader header = transferred.Header;
        if (!_context.Protection.TakesVerbatim(_source, frame.Span[FrameHeader.SizeInBytes..]))
        {
            header = _context.Frames.SealCoded(header.Kind, header.Codec, transferred.Digest, header.PlainLength, transferred.Coded.Span, _sealed);
            frame = _sealed.AsMemory(0, header.FrameLength);
        }

        FramePlace place = await _output.DataPacks.AppendAsync(frame, header, cancellationToken).ConfigureAwait(false);
        _output.Index.AddOwn(header.Id, place);
        FrameBytes += frame.Length;
        return place;
    }

    private ValueTask<FramePlace> FindAsync(ContentDigest digest, CancellationToken cancellationToken) =>
        _output.Index.FindAsync(_context.Frames.IdOf(digest), IoMode.Asynchronous, cancellationToken);

    private async ValueTask<FramePlace> FindPatchedAsync(PatchBase patch, int entry, CancellationToken cancellationToken)
    {
        FramePlace place = await FindAsync(patch.PatchDigest, cancellationToken).ConfigureAwait(false);
        FramePlace basis = place.IsDefault ? default : await FindBaseAsync(patch.BaseDigest, entry, cancellationToken).ConfigureAwait(false);
        return basis.IsDefault ? default : place with { Patch = new PatchBase(basis, patch.BaseDigest, patch.PatchDigest) };
    }

    // What a patch is laid over: the chunk that the snapshot before has in this place, or what that is laid over itself; or wherever the index knows it.
    private async ValueTask<FramePlace> FindBaseAsync(ContentDigest digest, int entry, CancellationToken cancellationToken)
    {
        if (_baseLeaf is { } before && before.Kind(entry) == EntryKind.Stored)
        {
            FramePlace place = before.Place(entry);
            bool isBase = place.Patch is { } patch ? patch.BaseDigest == digest : before.Digest(entry) == digest;
            if (isBase && TryUse(place.Patch?.Base ?? place, out FramePlace usable))
            {
                return usable;
            }
        }

        return await FindAsync(digest, cancellationToken).ConfigureAwait(false);
    }

    // Where it is, or, where its pack is condemned, where it was moved to.
    private bool TryUse(FramePlace place, out FramePlace usable) => _context.Moves.TryUse(place, _session.IsUsable, out usable);

    private SnapshotDescriptor Describe(SnapshotDescriptor source, NodeRef root, long sequence, DescriptorOrigin origin, SessionId parent) => new()
    {
        Suite = source.Suite,
        ChunkSize = source.ChunkSize,
        Length = source.Length,
        Root = root.Hash,
        RootPlace = root.Place,
        IsLayer = source.IsLayer,
        Parent = parent,
        Image = source.Image,
        Sequence = sequence,
        CreatedAt = source.CreatedAt,
        Codec = source.Codec,
        DataBytes = source.DataBytes,
        StoredBytes = StoredBytes,
        Tags = SnapshotDescriptor.Place(source.Tags, Place),
        Origin = origin,
    };
}
