using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots.Collection;

/// <summary>Deletes the traces of snapshots that were given up, and those that a later one took the place of. Nothing depends on a trace, so that no agreement is needed.</summary>
internal sealed class TraceCollector
{
    private readonly RepositoryContext _context;

    public TraceCollector(RepositoryContext context) => _context = context;

    public async ValueTask CollectAsync(CancellationToken cancellationToken)
    {
        List<(SessionId Session, string Name)> listed = [];
        await foreach (ObjectInfo info in _context.Store.ListAsync(ObjectNames.Traces, null, cancellationToken).ConfigureAwait(false))
        {
            if (ObjectNames.TryParseTrace(info.Name, out SessionId session))
            {
                listed.Add((session, info.Name));
            }
        }

        List<string> deleted = [];
        for (int index = 0; index < listed.Count; index++)
        {
            bool isOlder = index + 1 < listed.Count && listed[index + 1].Session == listed[index].Session;
            if (isOlder || await _context.Store.ExistsAsync(ObjectNames.Retired(listed[index].Session), cancellationToken).ConfigureAwait(false))
            {
                deleted.Add(listed[index].Name);
            }
        }

        await _context.Store.DeleteAsync(deleted, cancellationToken).ConfigureAwait(false);
    }
}
