using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;

namespace CloudImage.Sdk.Snapshots.Sessions;

/// <summary>Where frames of compacted packs lie now, by the generations that were read so far. Thread-safe.</summary>
/// <remarks>
/// Moves of a pack hold once the pack stands in the sweep of their generation; a pack that the sweep spared stays where it was. Until the
/// sweep is decided both are there.
/// </remarks>
internal sealed class MoveCatalog
{
    private const int MaxSteps = 64;
    private volatile Table _table = new();

    /// <summary>Whether any pack was ever moved, as far as is known.</summary>
    public bool IsEmpty => _table.Decided.Count == 0 && _table.Undecided.Count == 0;

    /// <summary>Takes in what a reading of all generations showed.</summary>
    public void Update(GenerationView view)
    {
        Table table = new();
        foreach (Generation generation in view.Generations)
        {
            foreach (MovedPack pack in generation.Moves?.Packs ?? [])
            {
                foreach (PackId target in pack.Targets())
                {
                    if (!table.Sources.TryGetValue(target, out List<PackId>? sources))
                    {
                        sources = [];
                        table.Sources.Add(target, sources);
                    }

                    sources.Add(pack.Source);
                }

                if (generation.Sweep is null)
                {
                    table.Undecided[pack.Source] = pack;
                }
                else if (generation.Sweep.Contains(pack.Source))
                {
                    table.Decided[pack.Source] = pack;
                }
            }
        }

        _table = table;
    }

    /// <summary>Reads all generations.</summary>
    public async ValueTask RefreshAsync(RepositoryContext context, IoMode mode, CancellationToken cancellationToken)
    {
        ValueTask<GenerationView> reading = GenerationView.ReadAsync(context, 0, cancellationToken);
        Update(mode == IoMode.Synchronous ? SyncBridge.Wait(reading) : await reading.ConfigureAwait(false));
    }

    /// <summary>Where a frame lies that may have been moved.</summary>
    /// <returns>Its present place, as far as is known.</returns>
    public FramePlace Resolve(FramePlace place)
    {
        Table table = _table;
        for (int step = 0; step < MaxSteps && table.Decided.TryGetValue(place.Pack, out MovedPack? pack) && pack.TryFind(place, out FramePlace moved); step++)
        {
            place = moved;
        }

        return place;
    }

    /// <summary>Finds a copy of a frame whose pack is condemned.</summary>
    /// <returns>Whether there is one.</returns>
    public bool TryFindCopy(FramePlace place, out FramePlace copy)
    {
        Table table = _table;
        copy = Resolve(place);
        if (table.Undecided.TryGetValue(copy.Pack, out MovedPack? pack) && pack.TryFind(copy, out FramePlace moved))
        {
            copy = moved;
        }

        return copy != place;
    }

    /// <summary>Takes over a frame: where it is, or, where its pack is condemned, where it was moved to; of a patch both frames.</summary>
    public bool TryUse(FramePlace place, Func<PackId, bool> isUsable, out FramePlace usable)
    {
        FramePlace bare = place with { Patch = null };
        usable = bare;
        bool isHere = isUsable(bare.Pack) || (TryFindCopy(bare, out usable) && isUsable(usable.Pack));
        if (!isHere || place.Patch is not { } patch)
        {
            return isHere;
        }

        bool isBaseHere = TryUse(patch.Base, isUsable, out FramePlace basis);
        usable = usable with { Patch = patch with { Base = basis } };
        return isBaseHere;
    }

    /// <summary>Whether the frames of a pack that a snapshot needs were, or are being, moved.</summary>
    public bool IsSource(PackId pack) => _table.Decided.ContainsKey(pack) || _table.Undecided.ContainsKey(pack);

    /// <summary>Whether frames of a pack in a set were, or are being, moved to this one.</summary>
    public bool IsTargetOf(PackId pack, RefSet sources)
    {
        Table table = _table;
        return table.Sources.TryGetValue(pack, out List<PackId>? known) && known.Exists(sources.Contains);
    }

    /// <summary>The packs that a snapshot's refs lead to now: of a pack that was compacted and is gone, those that hold its frames.</summary>
    public RefSet Present(RefSet refs)
    {
        Table table = _table;
        RefSet present = new();
        Queue<PackId> left = new(refs);
        while (left.TryDequeue(out PackId pack))
        {
            if (!table.Decided.TryGetValue(pack, out MovedPack? moved))
            {
                present.Add(pack);
                continue;
            }

            foreach (PackId target in moved.Targets())
            {
                left.Enqueue(target);
            }
        }

        return present;
    }

    /// <summary>Adds to a set the packs that its members were moved to.</summary>
    public void Expand(RefSet refs)
    {
        Table table = _table;
        if (IsEmpty)
        {
            return;
        }

        Queue<PackId> left = new(refs);
        while (left.TryDequeue(out PackId pack))
        {
            if (table.Decided.TryGetValue(pack, out MovedPack? moved) || table.Undecided.TryGetValue(pack, out moved))
            {
                foreach (PackId target in moved.Targets())
                {
                    if (refs.Add(target))
                    {
                        left.Enqueue(target);
                    }
                }
            }
        }
    }

    private sealed class Table
    {
        public Dictionary<PackId, MovedPack> Decided { get; } = [];

        public Dictionary<PackId, MovedPack> Undecided { get; } = [];

        public Dictionary<PackId, List<PackId>> Sources { get; } = [];
    }
}
