using System;
using System.Collections.Generic;
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
        List<(int Level, ObjectInfo Info)> listed = [];
        await foreach (ObjectInfo info in context.Store.ListAsync(ObjectNames.Segments, null, cancellationToken).ConfigureAwait(false))
        {
            listed.Add((LevelOf(info.Name), info));
        }

        listed.Sort(static (left, right) => right.Level.CompareTo(left.Level));
        HashSet<string> takenOver = new(StringComparer.Ordinal);
        List<SegmentReader> opened = [];
        foreach ((int _, ObjectInfo info) in listed)
        {
            if (takenOver.Contains(info.Name))
            {
                continue;
            }

            try
            {
                SegmentReader reader = await SegmentReader.OpenAsync(context.Store, pages, info.Name, info.Length, cancellationToken).ConfigureAwait(false);
                takenOver.UnionWith(reader.Sources);
                opened.Add(reader);
            }
            catch (RepositoryCorruptException exception)
            {
                problems.Add(exception.Message);
            }
        }

        return opened;
    }

    /// <summary>Lists them without opening: the names in merged segments are taken as they stand.</summary>
    public static async ValueTask<List<(int Level, ObjectInfo Info)>> ListAsync(RepositoryContext context, List<string> problems, CancellationToken cancellationToken)
    {
        List<(int Level, ObjectInfo Info)> listed = [];
        await foreach (ObjectInfo info in context.Store.ListAsync(ObjectNames.Segments, null, cancellationToken).ConfigureAwait(false))
        {
            listed.Add((LevelOf(info.Name), info));
        }

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

    /// <summary>The level of merging that a name says: 0 for a session's own segment.</summary>
    public static int LevelOf(string name) =>
        name.Length > 4 && name[2] == 'L' && name[4] == '/' && char.IsAsciiDigit(name[3]) ? Math.Min(MaxLevel, name[3] - '0') : 0;
}
