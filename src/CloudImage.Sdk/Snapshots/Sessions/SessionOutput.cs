using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Index;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots.Sessions;

/// <summary>What a session writes before it is decided: data packs with the segments that index them, and tree packs.</summary>
/// <remarks>One user at a time. Disposal leaves what was published, and nothing of what was not.</remarks>
internal sealed class SessionOutput : IAsyncDisposable
{
    private readonly RepositoryContext _context;
    private readonly SessionId _session;
    private readonly int _owner;
    private int _nextSegment;

    /// <summary>Makes the output of a session.</summary>
    /// <param name="context">The repository.</param>
    /// <param name="session">The session that packs and segments are named by.</param>
    /// <param name="owner">Which of its owners writes.</param>
    /// <param name="isUsable">Whether the index may lead to a pack.</param>
    /// <param name="cancellationToken">Ends the publishing of packs.</param>
    public SessionOutput(RepositoryContext context, SessionId session, int owner, Func<PackId, bool> isUsable, CancellationToken cancellationToken)
    {
        _context = context;
        _session = session;
        _owner = owner;
        Index = new ChunkIndex(context, isUsable);
        DataPacks = new PackStream(context.Store, PackKind.Data, session, owner, PublishedAsync, cancellationToken);
        TreePacks = new PackStream(context.Store, PackKind.Tree, session, owner, null, cancellationToken);
    }

    /// <summary>The index of the repository and of what this session adds.</summary>
    public ChunkIndex Index { get; }

    public PackStream DataPacks { get; }

    public PackStream TreePacks { get; }

    /// <summary>Bytes of packs and segments so far.</summary>
    public long StoredBytes => DataPacks.StoredBytes + TreePacks.StoredBytes + Index.StoredBytes;

    /// <summary>Takes over what dead writers of the session published: its slots go into the open segment, so that no chunk of it is stored twice.</summary>
    public async ValueTask AdoptAsync(CancellationToken cancellationToken)
    {
        HashSet<PackId> indexed = await Index.PacksOfSessionAsync(_session, cancellationToken).ConfigureAwait(false);
        List<PackId> packs = [];
        await foreach (ObjectInfo info in _context.Store.ListAsync($"{ObjectNames.DataPacks}{_session}-", null, cancellationToken).ConfigureAwait(false))
        {
            if (PackId.TryParse(info.Name, out PackId pack) && !indexed.Contains(pack))
            {
                packs.Add(pack);
            }
        }

        foreach (PackId pack in packs)
        {
            PackSlot[] slots = await _context.SlotsAsync(pack, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
            foreach (PackSlot slot in slots)
            {
                Index.AddOwn(slot.Header.Id, new FramePlace(pack, slot.Offset, slot.Length));
            }

            await PublishedAsync(pack, slots, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Publishes all packs, and then the segments that name them (W2). More may be written afterwards.</summary>
    public async ValueTask CompleteAsync(CancellationToken cancellationToken)
    {
        await DataPacks.CompleteAsync().ConfigureAwait(false);
        await TreePacks.CompleteAsync().ConfigureAwait(false);
        await Index.FlushAsync(NextSegmentName, cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await DataPacks.DisposeAsync().ConfigureAwait(false);
        await TreePacks.DisposeAsync().ConfigureAwait(false);
    }

    private ValueTask PublishedAsync(PackId pack, IReadOnlyList<PackSlot> slots, CancellationToken cancellationToken) =>
        Index.PublishedAsync(pack, slots, NextSegmentName, cancellationToken);

    private string NextSegmentName() => ObjectNames.Segment(_session, _owner, _nextSegment++);
}
