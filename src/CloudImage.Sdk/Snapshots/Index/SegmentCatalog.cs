using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots.Index;

/// <summary>Finds the segments that are to be asked: merged ones, and those that no merged one took over.</summary>
internal static class SegmentCatalog
{
    private const int MaxLevel = 9;

    /// <summary>Opens them; one that is damaged is named in the problems and left out, and what it took over is asked itself.</summary>
    public static async ValueTask<List<SegmentReader>> OpenAsync(
        RepositoryContext context, FlightCache<(string Name, long Block), byte[]> pages, List<string> problems, CancellationToken cancellationToken)
    {
        List<(int Level, ObjectInfo Info)> listed = await ListAllAsync(context, cancellationToken).ConfigureAwait(false);

        // What a merged segment took over stands in lower levels: the segments of one level are opened at once.
        HashSet<string> takenOver = new(StringComparer.Ordinal);
        List<SegmentReader> opened = [];
        foreach (IGrouping<int, (int Level, ObjectInfo Info)> level in listed.GroupBy(static segment => segment.Level).OrderByDescending(static level => level.Key))
        {
            List<ObjectInfo> wanted = [.. level.Select(static segment => segment.Info).Where(info => !takenOver.Contains(info.Name))];
            foreach ((SegmentReader? reader, string? problem) in await OpenAsync(context, pages, wanted, cancellationToken).ConfigureAwait(false))
            {
                if (reader is null)
                {
                    problems.Add(problem!);
                    continue;
                }

                takenOver.UnionWith(reader.Sources);
                opened.Add(reader);
            }
        }

        return opened;
    }

    private static async ValueTask<(SegmentReader? Reader, string? Problem)[]> OpenAsync(
        RepositoryContext context, FlightCache<(string Name, long Block), byte[]> pages, List<ObjectInfo> wanted, CancellationToken cancellationToken)
    {
        var results = new (SegmentReader? Reader, string? Problem)[wanted.Count];
        int concurrency = context.Store.Capabilities.IsLocal ? 1 : context.Store.Capabilities.PreferredConcurrency;
        ParallelOptions options = new() { MaxDegreeOfParallelism = concurrency, CancellationToken = cancellationToken };
        await Parallel.ForAsync(0, wanted.Count, options, async (index, token) =>
        {
            try
            {
                results[index] = (await SegmentReader.OpenAsync(context.Store, pages, wanted[index].Name, wanted[index].Length, token).ConfigureAwait(false), null);
            }
            catch (RepositoryCorruptException exception)
            {
                results[index] = (null, exception.Message);
            }
        }).ConfigureAwait(false);
        return results;
    }

    /// <summary>Lists them without opening: the names in merged segments are taken as they stand.</summary>
    public static async ValueTask<List<(int Level, ObjectInfo Info)>> ListAsync(RepositoryContext context, List<string> problems, CancellationToken cancellationToken)
    {
        List<(int Level, ObjectInfo Info)> listed = await ListAllAsync(context, cancellationToken).ConfigureAwait(false);

        HashSet<string> takenOver = new(StringComparer.Ordinal);
        foreach ((int level, ObjectInfo info) in listed)
        {
            try
            {
                takenOver.UnionWith(level > 0 ? await SegmentReader.ReadSourcesAsync(context.Store, info.Name, info.Length, cancellationToken).ConfigureAwait(false) : []);
            }
            catch (RepositoryCorruptException exception)
            {
                problems.Add(exception.Message);
            }
        }

        listed.RemoveAll(segment => takenOver.Contains(segment.Info.Name));
        return listed;
    }

    private static async ValueTask<List<(int Level, ObjectInfo Info)>> ListAllAsync(RepositoryContext context, CancellationToken cancellationToken)
    {
        List<(int Level, ObjectInfo Info)> listed = [];
        await foreach (ObjectInfo info in context.Store.ListAsync(ObjectNames.Segments, null, cancellationToken).ConfigureAwait(false))
        {
            listed.Add((LevelOf(info.Name), info));
        }

        return listed;
    }

    /// <summary>The level of merging that a name says: 0 for a session's own segment.</summary>
    public static int LevelOf(string name) =>
        name.Length > 4 && name[2] == 'L' && name[4] == '/' && char.IsAsciiDigit(name[3]) ? Math.Min(MaxLevel, name[3] - '0') : 0;
}
