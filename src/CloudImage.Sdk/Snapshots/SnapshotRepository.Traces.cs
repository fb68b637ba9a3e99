using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Sessions;

namespace CloudImage.Sdk.Snapshots;

public sealed partial class SnapshotRepository
{
    /// <summary>Keeps a trace with a snapshot: the chunks that it names are stored once more, one behind the other in the order of reading, for one fast stream at the next boot.</summary>
    /// <param name="id">The snapshot's id.</param>
    /// <param name="trace">The trace; of chunks beyond some 256 MiB only the names are kept.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>A task that ends when the trace is kept. It takes the place of an earlier one, and goes when the snapshot is collected.</returns>
    /// <exception cref="SnapshotNotFoundException">There is no such snapshot, or it was given up.</exception>
    /// <exception cref="ArgumentException">The trace reaches beyond the disk.</exception>
    /// <remarks>Which chunks a trace names can be seen in the store, in an encrypted repository too; what they hold cannot.</remarks>
    public async Task SaveTraceAsync(string id, ReadTrace trace, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(trace);
        CommittedSnapshot snapshot = await FindAsync(id, cancellationToken).ConfigureAwait(false);
        if (snapshot.IsRetired)
        {
            throw new SnapshotNotFoundException($"Snapshot {id} was given up.");
        }

        foreach (DiskExtent range in trace.Ranges)
        {
            if (range.End > snapshot.Descriptor.Length)
            {
                throw new ArgumentException($"The trace reaches to {range.End}, and the disk has {snapshot.Descriptor.Length} bytes.", nameof(trace));
            }
        }

        await TraceStore.SaveAsync(_context, snapshot, trace, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Lists the snapshots that a trace is kept with, oldest first; those that were given up are left out.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The snapshots, and what their traces take.</returns>
    /// <remarks>Costs what listing the snapshots costs; the traces themselves are not read.</remarks>
    public async Task<IReadOnlyList<SnapshotTrace>> ListTracesAsync(CancellationToken cancellationToken = default)
    {
        Dictionary<SessionId, long> traces = await TraceStore.ListAsync(_context, cancellationToken).ConfigureAwait(false);
        List<SnapshotTrace> found = [];
        foreach (SnapshotInfo snapshot in traces.Count == 0 ? [] : await ListAsync(cancellationToken).ConfigureAwait(false))
        {
            if (traces.TryGetValue(snapshot.Committed.Id, out long length))
            {
                found.Add(new SnapshotTrace(snapshot, length));
            }
        }

        return found;
    }

    /// <summary>Drops the trace that is kept with a snapshot. Its space is free after the next collection.</summary>
    /// <param name="id">The snapshot's id.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Whether there was one.</returns>
    /// <exception cref="SnapshotNotFoundException">There is no such snapshot.</exception>
    public async Task<bool> DropTraceAsync(string id, CancellationToken cancellationToken = default)
    {
        CommittedSnapshot snapshot = await FindAsync(id, cancellationToken).ConfigureAwait(false);
        return await TraceStore.DropAsync(_context, snapshot.Id, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Finds the trace that is kept with a snapshot.</summary>
    /// <param name="id">The snapshot's id.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The trace in whole chunks, without those that are zeros; null where there is none.</returns>
    /// <exception cref="SnapshotNotFoundException">There is no such snapshot.</exception>
    /// <exception cref="RepositoryCorruptException">The trace is damaged.</exception>
    public async Task<ReadTrace?> FindTraceAsync(string id, CancellationToken cancellationToken = default)
    {
        CommittedSnapshot snapshot = await FindAsync(id, cancellationToken).ConfigureAwait(false);
        if (await TraceStore.FindAsync(_context, snapshot.Id, cancellationToken).ConfigureAwait(false) is not { } record)
        {
            return null;
        }

        List<DiskExtent> ranges = [];
        foreach ((long chunk, ReadOnlyMemory<byte> _) in record.Chunks)
        {
            if (chunk < snapshot.Descriptor.Geometry.ChunkCount)
            {
                long offset = chunk * ChunkSize;
                ranges.Add(new DiskExtent(offset, Math.Min(ChunkSize, snapshot.Descriptor.Length - offset), DiskExtentKind.Data));
            }
        }

        return new ReadTrace(ranges);
    }
}
