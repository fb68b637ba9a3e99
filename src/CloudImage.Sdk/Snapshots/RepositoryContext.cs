using System;
using System.Buffers;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Collection;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Sessions;
using CloudImage.Sdk.Snapshots.Trees;
using CloudImage.Sdk.Storage;
using Microsoft.Extensions.Logging;

namespace CloudImage.Sdk.Snapshots;

/// <summary>What every part of an open repository shares: store, header, protection, caches, clock, log. Thread-safe.</summary>
internal sealed class RepositoryContext
{
    private const int CachedNodes = 1024;
    private const int CachedSlots = 64 * 1024;
    private const int SmallObject = 4096;
    private readonly FlightCache<FramePlace, TreeNode> _nodes = new(CachedNodes, static _ => 1);
    private readonly FlightCache<PackId, PackSlot[]> _slots = new(CachedSlots, static slots => slots.Length);

    private readonly RunReader _nodeRuns;
    private readonly Random? _nameSource;
    private bool? _isAgeBased;

    public RepositoryContext(ObjectStore store, RepositoryHeader header, RepositoryProtection protection, TimeProvider timeProvider, ILogger logger, Random? nameSource = null)
    {
        _nameSource = nameSource;
        Store = store;
        _nodeRuns = new RunReader(store);
        Header = header;
        Protection = protection;
        TimeProvider = timeProvider;
        Logger = logger;
        Frames = new FrameCodec(header.Digest, protection);
    }

    /// <summary>What this process calls itself in records.</summary>
    public static string WriterName => $"{Environment.MachineName}:{Environment.ProcessId}";

    public ObjectStore Store { get; }

    public RepositoryHeader Header { get; }

    public RepositoryProtection Protection { get; }

    public FrameCodec Frames { get; }

    public TimeProvider TimeProvider { get; }

    public ILogger Logger { get; }

    /// <summary>Generations of collection that cannot change any more.</summary>
    public GenerationCache Generations { get; } = new();

    /// <summary>Where the frames of compacted packs lie now.</summary>
    public MoveCatalog Moves { get; } = new();

    public ContentHashAlgorithm Suite => Header.Digest;

    /// <summary>Draws bytes for a name that nobody else draws.</summary>
    public byte[] DrawName(int length)
    {
        byte[] name = new byte[length];
        if (_nameSource is null)
        {
            RandomNumberGenerator.Fill(name);
            return name;
        }

        lock (_nameSource)
        {
            _nameSource.NextBytes(name);
        }

        return name;
    }

    /// <summary>Whether the store breaks an axiom that safe collection rests on, as far as it says itself and one question shows. Asked once.</summary>
    public async ValueTask<bool> IsAgeBasedAsync(CancellationToken cancellationToken)
    {
        if (_isAgeBased is null)
        {
            bool isSafe = Store.Capabilities.HasAtomicCreate && Store.Capabilities.HasConsistentLists
                && await TryReadObjectAsync(ObjectNames.Repository, RepositoryHeader.MaxLength, cancellationToken).ConfigureAwait(false) is { } header
                && await StoreProbe.RefusesSecondHeaderAsync(Store, header, cancellationToken).ConfigureAwait(false);
            _isAgeBased = !isSafe;
        }

        return _isAgeBased == true;
    }

    /// <summary>What a session of this repository is known by across repositories.</summary>
    /// <exception cref="RepositoryCorruptException">The id of the repository is none.</exception>
    public SnapshotIdentity IdentityOf(SessionId session) => SessionId.TryParse(Header.Id, out SessionId repository)
        ? new SnapshotIdentity(repository, session)
        : throw new RepositoryCorruptException(ObjectNames.Repository, 0, $"'{Header.Id}' is no id of a repository.");

    /// <summary>Creates a record.</summary>
    /// <returns>Its bytes, or null where an object of that name exists.</returns>
    public async ValueTask<byte[]?> TryCreateRecordAsync(string name, RecordKind kind, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        byte[] content = RecordFile.Seal(name, kind, body.Span);
        return await Store.TryCreateAsync(name, content, ObjectCreateOptions.Default, cancellationToken).ConfigureAwait(false) ? content : null;
    }

    /// <summary>Reads the body of a record, or null where there is no such object.</summary>
    /// <exception cref="RepositoryCorruptException">The object is not the record that its name says.</exception>
    public async ValueTask<ReadOnlyMemory<byte>?> TryReadRecordAsync(string name, RecordKind kind, CancellationToken cancellationToken) =>
        await TryReadObjectAsync(name, RecordFile.MaxBodyLength, cancellationToken).ConfigureAwait(false) is { } content
            ? RecordFile.Open(name, kind, content)
            : default(ReadOnlyMemory<byte>?);

    /// <summary>Reads a whole small object, or null where there is none.</summary>
    public async ValueTask<byte[]?> TryReadObjectAsync(string name, int maxLength, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[SmallObject];
        int filled = 0;
        try
        {
            while (true)
            {
                int count = await Store.ReadAsync(name, buffer.AsMemory(filled), filled, cancellationToken).ConfigureAwait(false);
                filled += count;
                if (filled < buffer.Length)
                {
                    return buffer.AsSpan(0, filled).ToArray();
                }

                if (filled >= maxLength)
                {
                    throw new RepositoryCorruptException(name, filled, $"an object of at most {maxLength} bytes was expected.");
                }

                Array.Resize(ref buffer, (int)Math.Min(Math.Max(maxLength, SmallObject), 4L * buffer.Length));
            }
        }
        catch (ObjectNotFoundException)
        {
            return null;
        }
    }

    public ValueTask<PackSlot[]> SlotsAsync(PackId pack, IoMode mode, CancellationToken cancellationToken) =>
        _slots.GetAsync(pack, Store, static (id, store, mode, token) => PackReader.ReadSlotsAsync(store, id, mode, token), mode, cancellationToken);

    /// <summary>Reads bytes of a frame from where it lies now: its pack may have been compacted since its place was written down.</summary>
    /// <exception cref="RepositoryCorruptException">The pack is gone and its frame was not moved, or the object ends within the range.</exception>
    public ValueTask ReadFrameAsync(FramePlace place, Memory<byte> buffer, IoMode mode, CancellationToken cancellationToken) =>
        ReadFrameAsync(place, buffer, null, mode, cancellationToken);

    private async ValueTask ReadFrameAsync(FramePlace place, Memory<byte> buffer, RunReader? runs, IoMode mode, CancellationToken cancellationToken)
    {
        FramePlace present = Moves.Resolve(place);
        try
        {
            await ReadAsync(present).ConfigureAwait(false);
            return;
        }
        catch (RepositoryCorruptException exception) when (PackReader.IsMissing(exception))
        {
            await Moves.RefreshAsync(this, mode, cancellationToken).ConfigureAwait(false);
            FramePlace moved = Moves.Resolve(place);
            if (moved == present)
            {
                throw;
            }

            present = moved;
        }

        await ReadAsync(present).ConfigureAwait(false);

        ValueTask ReadAsync(FramePlace from) => runs is null
            ? PackReader.ReadExactlyAsync(Store, from.Pack.ToString(), buffer, from.Offset, mode, cancellationToken)
            : runs.ReadExactlyAsync(from.Pack.ToString(), buffer, from.Offset, mode, cancellationToken);
    }

    /// <summary>Loads a node and compares its hash.</summary>
    /// <param name="place">Where it lies.</param>
    /// <param name="hash">The hash that the tree names.</param>
    /// <param name="level">Its level.</param>
    /// <param name="mode">How to work.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask<TreeNode> NodeAsync(FramePlace place, ContentDigest hash, int level, IoMode mode, CancellationToken cancellationToken)
    {
        TreeNode node = await _nodes.GetAsync(place, (this, hash, level), static (place, state, mode, token) =>
            state.Item1.LoadNodeAsync(place, state.hash, state.level, mode, token), mode, cancellationToken).ConfigureAwait(false);
        return node.Level == level && node.VerifiedHash == hash
            ? node
            : throw new RepositoryCorruptException(place.Pack.ToString(), place.Offset, $"the node here does not have the hash {hash} at level {level}.");
    }

    /// <summary>Takes a node from the cache, if the one there has the hash and the level.</summary>
    public TreeNode? TryGetNode(FramePlace place, ContentDigest hash, int level) =>
        _nodes.TryGet(place, out TreeNode? node) && node.Level == level && node.VerifiedHash == hash ? node : null;

    /// <summary>Keeps a node that was just written.</summary>
    public void KeepNode(FramePlace place, TreeNode node) => _nodes.Put(place, node);

    private async ValueTask<TreeNode> LoadNodeAsync(FramePlace place, ContentDigest hash, int level, IoMode mode, CancellationToken cancellationToken)
    {
        NodeCodec.ThrowIfTooLong(place);
        byte[] rented = ArrayPool<byte>.Shared.Rent((int)place.Length);
        byte[]? plain = null;
        try
        {
            Memory<byte> frame = rented.AsMemory(0, (int)place.Length);
            await ReadFrameAsync(place, frame, _nodeRuns, mode, cancellationToken).ConfigureAwait(false);
            plain = Frames.RentNode(place, frame.Span, hash, out int length);
            TreeNode node = NodeCodec.Decode(place, plain.AsSpan(0, length), level);
            node.VerifiedHash = MerkleHash.Root(Suite, node.Digests);
            return node;
        }
        catch (RepositoryCorruptException)
        {
            _nodeRuns.Forget(Moves.Resolve(place).Pack.ToString());
            throw;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
            if (plain is not null)
            {
                ArrayPool<byte>.Shared.Return(plain);
            }
        }
    }
}
