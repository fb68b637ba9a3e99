using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;

namespace CloudImage.Sdk.Snapshots.Index;

/// <summary>Where chunks of given ids lie: the segments of the store, and an open segment of what this session wrote.</summary>
/// <remarks>
/// Looking up is thread-safe; adding is one user's. It is an accelerator: a damaged segment is passed over, a missing
/// answer costs space and never a snapshot.
/// </remarks>
internal sealed class ChunkIndex
{
    /// <summary>Entries of the open segment: 64 GiB of new chunks of the default size.</summary>
    public const int OpenCapacity = 256 * 1024;

    private const int CachedPages = 2048;
    private readonly RepositoryContext _context;
    private readonly Func<PackId, bool> _isUsable;
    private readonly FlightCache<(string Name, long Block), byte[]> _pages = new(CachedPages, static _ => 1);
    private readonly Lock _lock = new();
    private readonly Dictionary<ChunkKey, (ContentDigest Id, FramePlace Place)> _own = [];
    private readonly List<(ChunkKey Key, PackId Pack, int Slot)> _unflushed = [];
    private readonly ConcurrentDictionary<PackId, bool> _lost = new();
    private volatile SegmentReader[] _segments = [];

    public ChunkIndex(RepositoryContext context, Func<PackId, bool> isUsable)
    {
        _context = context;
        _isUsable = isUsable;
    }

    /// <summary>Segments that could not be opened or read, with the reason.</summary>
    public List<string> Problems { get; } = [];

    /// <summary>Bytes of the segments written.</summary>
    public long StoredBytes { get; private set; }

    /// <summary>Opens the segments of the store: of each level of merging, what the levels above it do not hold.</summary>
    public async ValueTask LoadAsync(CancellationToken cancellationToken)
    {
        List<SegmentReader> opened = await SegmentCatalog.OpenAsync(_context, _pages, Problems, cancellationToken).ConfigureAwait(false);

        // The small ones are asked last: most entries are in the big ones, and a filter says no in nanoseconds.
        opened.Sort(static (left, right) => right.Count.CompareTo(left.Count));
        _segments = [.. opened];
    }

    /// <summary>The packs of a session that segments hold already.</summary>
    public async ValueTask<HashSet<PackId>> PacksOfSessionAsync(SessionId session, CancellationToken cancellationToken)
    {
        SegmentReader[] segments = _segments.Length > 0
            ? _segments
            : [.. await SegmentCatalog.OpenAsync(_context, _pages, Problems, cancellationToken).ConfigureAwait(false)];
        _segments = segments;
        HashSet<PackId> packs = [];
        foreach (SegmentReader segment in segments)
        {
            foreach (PackId pack in segment.Packs)
            {
                if (pack.Session == session)
                {
                    packs.Add(pack);
                }
            }
        }

        return packs;
    }

    /// <summary>Finds the place of a chunk in a pack that may be referred to.</summary>
    public async ValueTask<FramePlace> FindAsync(ContentDigest id, IoMode mode, CancellationToken cancellationToken)
    {
        ChunkKey key = ChunkKey.Of(id);
        if (TryFindOwn(key, id, out FramePlace own))
        {
            return own;
        }

        foreach (SegmentReader segment in _segments)
        {
            try
            {
                if (await segment.FindAsync(key, mode, cancellationToken).ConfigureAwait(false) is not { } entry)
                {
                    continue;
                }

                PackId pack = segment.Packs[entry.Pack];
                FramePlace place = _isUsable(pack) ? await ResolveAsync(pack, entry.Slot, id, mode, cancellationToken).ConfigureAwait(false) : default;
                if (!place.IsDefault)
                {
                    return place;
                }
            }
            catch (RepositoryCorruptException exception)
            {
                lock (_lock)
                {
                    Problems.Add(exception.Message);
                    _segments = Array.FindAll(_segments, other => other != segment);
                }
            }
        }

        return default;
    }

    /// <summary>Finds a chunk that this session wrote and no segment holds yet.</summary>
    public bool TryFindOwn(ContentDigest id, out FramePlace place) => TryFindOwn(ChunkKey.Of(id), id, out place);

    /// <summary>Remembers a chunk that was just appended to a pack of this session.</summary>
    public void AddOwn(ContentDigest id, in FramePlace place)
    {
        lock (_lock)
        {
            _own.TryAdd(ChunkKey.Of(id), (id, place));
        }
    }

    /// <summary>Takes the slots of a pack of this session that was published; a full open segment is written.</summary>
    /// <param name="pack">The pack.</param>
    /// <param name="slots">Its slots.</param>
    /// <param name="nextName">Gives the name of the next segment.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask PublishedAsync(PackId pack, IReadOnlyList<PackSlot> slots, Func<string> nextName, CancellationToken cancellationToken)
    {
        for (int slot = 0; slot < slots.Count; slot++)
        {
            _unflushed.Add((ChunkKey.Of(slots[slot].Header.Id), pack, slot));
        }

        if (_unflushed.Count >= OpenCapacity)
        {
            await FlushAsync(nextName, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Writes what no segment holds yet.</summary>
    public async ValueTask FlushAsync(Func<string> nextName, CancellationToken cancellationToken)
    {
        if (_unflushed.Count == 0)
        {
            return;
        }

        string name = nextName();
        List<PackId> packs = [];
        List<IndexEntry> entries = new(_unflushed.Count);
        foreach ((ChunkKey key, PackId pack, int slot) in _unflushed)
        {
            if (packs.Count == 0 || packs[^1] != pack)
            {
                packs.Add(pack);
            }

            entries.Add(new IndexEntry(key, packs.Count - 1, slot));
        }

        entries.Sort();
        SegmentWriter writer = await SegmentWriter.BeginAsync(_context.Store, name, packs, [], entries.Count, cancellationToken).ConfigureAwait(false);
        await using (writer.ConfigureAwait(false))
        {
            foreach (IndexEntry entry in entries)
            {
                await writer.AddAsync(entry, cancellationToken).ConfigureAwait(false);
            }

            if (!await writer.CompleteAsync(cancellationToken).ConfigureAwait(false))
            {
                throw new SnapshotRepositoryException($"Object '{name}' exists already, although its name was drawn for this session alone.");
            }

            StoredBytes += writer.Length;
            SegmentReader reader = await SegmentReader.OpenAsync(_context.Store, _pages, name, writer.Length, cancellationToken).ConfigureAwait(false);
            lock (_lock)
            {
                _segments = [.. _segments, reader];
                HashSet<PackId> flushed = [.. packs];
                foreach ((ChunkKey key, (ContentDigest _, FramePlace place)) in _own)
                {
                    if (flushed.Contains(place.Pack))
                    {
                        _own.Remove(key);
                    }
                }
            }
        }

        _unflushed.Clear();
    }

    private bool TryFindOwn(ChunkKey key, ContentDigest id, out FramePlace place)
    {
        lock (_lock)
        {
            if (_own.TryGetValue(key, out (ContentDigest Id, FramePlace Place) own) && own.Id == id)
            {
                place = own.Place;
                return true;
            }
        }

        place = default;
        return false;
    }

    // Half the id agrees: the whole one is compared in the slot table, which also shows that the pack is there.
    private async ValueTask<FramePlace> ResolveAsync(PackId pack, int slot, ContentDigest id, IoMode mode, CancellationToken cancellationToken)
    {
        if (_lost.ContainsKey(pack))
        {
            return default;
        }

        PackSlot[] slots;
        try
        {
            slots = await _context.SlotsAsync(pack, mode, cancellationToken).ConfigureAwait(false);
        }
        catch (RepositoryCorruptException exception)
        {
            // Told once, and not asked again: an index may lead to a lost pack a million times.
            if (_lost.TryAdd(pack, true))
            {
                lock (_lock)
                {
                    Problems.Add(exception.Message);
                }
            }

            return default;
        }

        return slot < slots.Length && slots[slot].Header.Id == id ? new FramePlace(pack, slots[slot].Offset, slots[slot].Length) : default;
    }
}
