using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Diagnostics;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots.Index;

/// <summary>Merges segments of one level into one of the next, so that a lookup asks few filters. Sources stay where they are.</summary>
internal static class SegmentMerger
{
    /// <summary>How many segments of a level are merged at once.</summary>
    public const int Fan = 8;

    private const int CachedPages = 64;

    /// <summary>Merges once where a level has enough segments.</summary>
    /// <param name="context">The repository.</param>
    /// <param name="session">Whose id the merged segment is named by.</param>
    /// <param name="isUsable">Whether a pack may be referred to: entries that lead to others are left out.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The name of the new segment, or null.</returns>
    public static async ValueTask<string?> MergeAsync(RepositoryContext context, SessionId session, Func<PackId, bool> isUsable, CancellationToken cancellationToken)
    {
        List<string> problems = [];
        List<(int Level, ObjectInfo Info)> listed = await SegmentCatalog.ListAsync(context, problems, cancellationToken).ConfigureAwait(false);
        string? merged = null;
        for (int level = 0; merged is null && level < 9; level++)
        {
            List<(int Level, ObjectInfo Info)> candidates = listed.FindAll(segment => segment.Level == level);
            List<SegmentReader> sources = candidates.Count >= Fan ? await OpenAsync(context, candidates, problems, cancellationToken).ConfigureAwait(false) : [];
            if (sources.Count >= Fan)
            {
                merged = await MergeAsync(context, ObjectNames.MergedSegment(level + 1, session, 0), sources, isUsable, cancellationToken).ConfigureAwait(false);
            }
        }

        foreach (string problem in problems)
        {
            Log.IndexDamaged(context.Logger, problem);
        }

        return merged;
    }

    private static async ValueTask<List<SegmentReader>> OpenAsync(
        RepositoryContext context, List<(int Level, ObjectInfo Info)> segments, List<string> problems, CancellationToken cancellationToken)
    {
        FlightCache<(string Name, long Block), byte[]> pages = new(CachedPages, static _ => 1);
        List<SegmentReader> opened = [];
        foreach ((int _, ObjectInfo info) in segments)
        {
            try
            {
                // Filters are let go: what is merged is read in order and never looked up.
                opened.Add(await SegmentReader.OpenAsync(context.Store, pages, info.Name, info.Length, false, cancellationToken).ConfigureAwait(false));
            }
            catch (RepositoryCorruptException exception)
            {
                problems.Add(exception.Message);
            }
        }

        return opened;
    }

    private static async ValueTask<string?> MergeAsync(RepositoryContext context, string name, List<SegmentReader> sources, Func<PackId, bool> isUsable, CancellationToken cancellationToken)
    {
        List<PackId> packs = [];
        long count = 0;
        List<string> names = [];
        PriorityQueue<Run, IndexEntry> queue = new();
        foreach (SegmentReader source in sources)
        {
            Run run = new(source, packs.Count, isUsable);
            packs.AddRange(source.Packs);
            count += source.Count;
            names.Add(source.Name);
            if (await run.MoveNextAsync(cancellationToken).ConfigureAwait(false))
            {
                queue.Enqueue(run, run.Current);
            }
        }

        SegmentWriter writer = await SegmentWriter.BeginAsync(context.Store, name, packs, names, count, cancellationToken).ConfigureAwait(false);
        await using (writer.ConfigureAwait(false))
        {
            while (queue.TryPeek(out Run? run, out IndexEntry entry))
            {
                await writer.AddAsync(entry, cancellationToken).ConfigureAwait(false);
                if (await run.MoveNextAsync(cancellationToken).ConfigureAwait(false))
                {
                    queue.DequeueEnqueue(run, run.Current);
                }
                else
                {
                    queue.Dequeue();
                }
            }

            // Where another session was faster with this name, its segment does the same.
            await writer.CompleteAsync(cancellationToken).ConfigureAwait(false);
        }

        Log.SegmentsMerged(context.Logger, sources.Count, count, name);
        return name;
    }

    /// <summary>Reads the entries of a segment in order, block by block past the cache.</summary>
    private sealed class Run(SegmentReader source, int firstPack, Func<PackId, bool> isUsable)
    {
        private readonly bool[] _usable = [.. source.Packs.Select(isUsable)];
        private byte[] _page = [];
        private long _nextBlock;
        private int _next;
        private int _count;

        public IndexEntry Current { get; private set; }

        public async ValueTask<bool> MoveNextAsync(CancellationToken cancellationToken)
        {
            while (await ReadNextAsync(cancellationToken).ConfigureAwait(false))
            {
                if (_usable[Current.Pack - firstPack])
                {
                    return true;
                }
            }

            return false;
        }

        private async ValueTask<bool> ReadNextAsync(CancellationToken cancellationToken)
        {
            if (_next == _count)
            {
                if (_nextBlock == source.BlockCount)
                {
                    return false;
                }

                _page = await source.LoadBlockAsync(_nextBlock, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
                _count = SegmentLayout.CheckBlock(_page, _nextBlock++);
                _next = 0;
            }

            IndexEntry entry = SegmentLayout.ReadEntry(_page, _next++);
            if (entry.Pack >= source.Packs.Count)
            {
                throw new RepositoryCorruptException(source.Name, 0, $"pack {entry.Pack} lies outside the table of {source.Packs.Count} packs.");
            }

            Current = entry with { Pack = firstPack + entry.Pack };
            return true;
        }
    }
}
