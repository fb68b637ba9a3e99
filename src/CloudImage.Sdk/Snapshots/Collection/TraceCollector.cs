using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots.Collection;

/// <summary>Deletes the traces of snapshots that were given up and that nobody reads, and those that a later one took the place of. Nothing refers to a trace, so that no agreement is needed.</summary>
internal sealed class TraceCollector
{
    private readonly RepositoryContext _context;

    public TraceCollector(RepositoryContext context) => _context = context;

    /// <summary>Collects.</summary>
    /// <returns>How many traces were deleted.</returns>
    public async ValueTask<int> CollectAsync(CancellationToken cancellationToken)
    {
        List<(SessionId Session, string Name)> traces = [];
        await foreach (ObjectInfo info in _context.Store.ListAsync(ObjectNames.Traces, null, cancellationToken).ConfigureAwait(false))
        {
            if (ObjectNames.TryParseTrace(info.Name, out SessionId session, out int _))
            {
                traces.Add((session, info.Name));
            }
        }

        if (traces.Count == 0)
        {
            return 0;
        }

        SessionSurvey survey = await SessionSurvey.ReadAgainAsync(_context, cancellationToken).ConfigureAwait(false);
        HashSet<string> older = [];
        for (int index = 1; index < traces.Count; index++)
        {
            if (traces[index].Session == traces[index - 1].Session)
            {
                older.Add(traces[index - 1].Name);
            }
        }

        traces.RemoveAll(trace => !older.Contains(trace.Name) && (!survey.StateOf(trace.Session).IsRetired || survey.StateOf(trace.Session).IsPinned));
        await _context.Store.DeleteAsync(traces.ConvertAll(static trace => trace.Name), cancellationToken).ConfigureAwait(false);
        return traces.Count;
    }
}
