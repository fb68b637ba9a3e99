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
    private readonly SortedDictionary<long, RefSet> _dead = [];

    /// <summary>The highest k such that the generations 1 to k are all done.</summary>
    public long Done { get; private set; }

    /// <summary>The highest generation that has a cond; 0 where there is none.</summary>
    public long Newest { get; private set; }

    /// <summary>Reads the generations above a number.</summary>
    /// <param name="context">The repository.</param>
    /// <param name="above">0 for all.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async ValueTask<GenerationView> ReadAsync(RepositoryContext context, long above, CancellationToken cancellationToken)
    {
        Dictionary<long, HashSet<string>> parts = [];
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
                view._dead.Add(number, await ReadDeadAsync(context, number, cancellationToken).ConfigureAwait(false));
                view.Newest = long.Max(view.Newest, number);
            }
        }

        while (parts.TryGetValue(view.Done + 1, out HashSet<string>? next) && next.Contains("done"))
        {
            view.Done++;
        }

        return view;
    }

    /// <summary>Whether a pack is dead in any generation read.</summary>
    public bool IsDead(PackId pack)
    {
        foreach (RefSet dead in _dead.Values)
        {
            if (dead.Contains(pack))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether the generations read follow one another without a gap, starting above a number.</summary>
    public bool IsContiguousAbove(long above)
    {
        long expected = above;
        foreach (long number in _dead.Keys)
        {
            if (number != ++expected)
            {
                return false;
            }
        }

        return true;
    }

    // The sweep may appear between the listing and this reading: it is asked for first, and the cond is what holds while it is missing.
    private static async ValueTask<RefSet> ReadDeadAsync(RepositoryContext context, long number, CancellationToken cancellationToken)
    {
        string sweep = ObjectNames.Generation(number, "sweep");
        if (await context.TryReadRecordAsync(sweep, RecordKind.Sweep, cancellationToken).ConfigureAwait(false) is { } body)
        {
            return Parse(sweep, body.Span);
        }

        string cond = ObjectNames.Generation(number, "cond");
        return await context.TryReadRecordAsync(cond, RecordKind.Condemned, cancellationToken).ConfigureAwait(false) is { } condemned
            ? Parse(cond, condemned.Span)
            : throw new RepositoryCorruptException(cond, 0, "the generation was listed and its cond is missing.");
    }

    private static RefSet Parse(string name, System.ReadOnlySpan<byte> body)
    {
        RecordReader reader = new(name, body);
        RefSet set = RefSet.Read(ref reader);
        reader.End();
        return set;
    }
}
