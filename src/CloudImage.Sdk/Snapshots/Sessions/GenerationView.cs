using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots.Sessions;

/// <summary>What the generations of collection say at one moment: which packs are dead, and up to where all is done.</summary>
/// <remarks>Immutable once read. A pack is dead in a generation if it stands in its sweep, or, while it has none, in its cond.</remarks>
internal sealed class GenerationView
{
    private readonly SortedDictionary<long, Generation> _generations = [];
    private readonly RefSet _dead = new();

    /// <summary>The highest k such that the generations 1 to k are all done.</summary>
    public long Done { get; private set; }

    /// <summary>The highest generation that has a cond; 0 where there is none.</summary>
    public long Newest { get; private set; }

    /// <summary>The generations read that have a cond, in order.</summary>
    public IReadOnlyCollection<Generation> Generations => _generations.Values;

    /// <summary>Reads the generations above a number.</summary>
    /// <param name="context">The repository.</param>
    /// <param name="above">0 for all.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async ValueTask<GenerationView> ReadAsync(RepositoryContext context, long above, CancellationToken cancellationToken)
    {
        SortedDictionary<long, HashSet<string>> parts = [];
        string? after = above == 0 ? null : ObjectNames.Generation(above, "~");
        await foreach (ObjectInfo info in context.Store.ListAsync(ObjectNames.Generations, after, cancellationToken).ConfigureAwait(false))
        {
            if (ObjectNames.TryParseGeneration(info.Name, out long number, out string part) && number > above)
            {
                if (!parts.TryGetValue(number, out HashSet<string>? found))
                {
                    found = [];
                    parts.Add(number, found);
                }

                found.Add(part);
            }
        }

        GenerationView view = new() { Done = above };
        foreach ((long number, HashSet<string> found) in parts)
        {
            if (found.Contains("cond"))
            {
                view._generations.Add(number, await context.Generations.ReadAsync(context, number, found.Contains("done"), cancellationToken).ConfigureAwait(false));
                view.Newest = long.Max(view.Newest, number);
            }
        }

        foreach (Generation generation in view._generations.Values)
        {
            view._dead.UnionWith(generation.Dead);
        }

        while (view._generations.TryGetValue(view.Done + 1, out Generation? next) && next.IsDone)
        {
            view.Done++;
        }

        return view;
    }

    /// <summary>Whether a pack is dead in any generation read.</summary>
    public bool IsDead(PackId pack) => _dead.Contains(pack);

    /// <summary>Whether the generations read follow one another without a gap, starting above a number.</summary>
    public bool IsContiguousAbove(long above)
    {
        long expected = above;
        foreach (long number in _generations.Keys)
        {
            if (number != ++expected)
            {
                return false;
            }
        }

        return true;
    }
}
