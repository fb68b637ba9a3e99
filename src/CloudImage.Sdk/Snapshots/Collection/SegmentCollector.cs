using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots.Index;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots.Collection;

/// <summary>
/// Deletes index segments that lead nowhere: those all of whose packs are gone, and those that a whole merged segment took over.
/// Nothing depends on a segment, so that no agreement is needed: a writer that loses one under its hands stores a chunk twice at worst.
/// </summary>
internal sealed class SegmentCollector
{
    private readonly RepositoryContext _context;

    public SegmentCollector(RepositoryContext context) => _context = context;

    /// <summary>Collects.</summary>
    /// <returns>How many segments were deleted.</returns>
    public async ValueTask<int> CollectAsync(CancellationToken cancellationToken)
    {
        // Segments first, packs second: a pack is created before the segment that names it, so that one not listed is gone.
        List<ObjectInfo> listed = [];
        await foreach (ObjectInfo info in _context.Store.ListAsync(ObjectNames.Segments, null, cancellationToken).ConfigureAwait(false))
        {
            listed.Add(info);
        }

        HashSet<PackId> present = [.. (await SessionSurvey.ReadPacksAsync(_context, cancellationToken).ConfigureAwait(false)).Packs.Keys];
        HashSet<string> deleted = new(StringComparer.Ordinal);
        FlightCache<(string Name, long Block), byte[]> pages = new(1, static _ => 1);
        foreach (ObjectInfo info in listed)
        {
            if (await TryOpenAsync(info, pages, cancellationToken).ConfigureAwait(false) is { } segment)
            {
                deleted.UnionWith(segment.Sources);
                if (!HasAny(segment, present))
                {
                    deleted.Add(segment.Name);
                }
            }
        }

        deleted.IntersectWith(listed.ConvertAll(static info => info.Name));
        await _context.Store.DeleteAsync([.. deleted], cancellationToken).ConfigureAwait(false);
        return deleted.Count;
    }

    // A damaged segment is left for verification to name: what it took over keeps standing beside it.
    private async ValueTask<SegmentReader?> TryOpenAsync(ObjectInfo info, FlightCache<(string Name, long Block), byte[]> pages, CancellationToken cancellationToken)
    {
        try
        {
            return await SegmentReader.OpenAsync(_context.Store, pages, info.Name, info.Length, false, cancellationToken).ConfigureAwait(false);
        }
        catch (RepositoryCorruptException exception)
        {
            Diagnostics.Log.IndexDamaged(_context.Logger, exception.Message);
            return null;
        }
    }

    private static bool HasAny(SegmentReader segment, HashSet<PackId> present)
    {
        foreach (PackId pack in segment.Packs)
        {
            if (present.Contains(pack))
            {
                return true;
            }
        }

        return false;
    }
}
