using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Diagnostics;
using CloudImage.Sdk.Snapshots.Encryption;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots.Sessions;

/// <summary>Finds sessions by listing.</summary>
internal static class SessionCatalog
{
    /// <summary>Reads every committed snapshot, in no order.</summary>
    public static async ValueTask<IReadOnlyCollection<CommittedSnapshot>> ReadCommittedAsync(RepositoryContext context, bool includeRetired, CancellationToken cancellationToken)
    {
        Dictionary<SessionId, (bool HasFate, bool IsRetired)> sessions = await ListAsync(context, cancellationToken).ConfigureAwait(false);
        ConcurrentBag<CommittedSnapshot> committed = [];
        ParallelOptions options = new() { MaxDegreeOfParallelism = context.Store.Capabilities.PreferredConcurrency, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(sessions, options, async (session, token) =>
        {
            if (session.Value.HasFate && (includeRetired || !session.Value.IsRetired)
                && await TryReadAsync(context, session.Key, session.Value.IsRetired, token).ConfigureAwait(false) is { } snapshot)
            {
                committed.Add(snapshot);
            }
        }).ConfigureAwait(false);
        return committed;
    }

    /// <summary>Finds the snapshot of an image with the highest number, that was committed and not given up; a mended one counts by the number of what it mends.</summary>
    public static async ValueTask<CommittedSnapshot?> FindLatestAsync(RepositoryContext context, string encodedImage, CancellationToken cancellationToken)
    {
        List<string> names = [];
        await foreach (ObjectInfo info in context.Store.ListAsync(ObjectNames.ImagePrefix(encodedImage), null, cancellationToken).ConfigureAwait(false))
        {
            names.Add(info.Name);
        }

        CommittedSnapshot? mended = null;
        for (int index = names.Count - 1; index >= 0; index--)
        {
            try
            {
                if (await context.TryReadRecordAsync(names[index], RecordKind.ImageEntry, cancellationToken).ConfigureAwait(false) is { } body
                    && await TryReadAsync(context, ReadEntry(names[index], body), null, cancellationToken).ConfigureAwait(false) is { IsRetired: false } found)
                {
                    // What mends an older snapshot has a new number and an old content: it is not what the next capture goes on from.
                    if (found.PlaceInSequence == found.Descriptor.Sequence)
                    {
                        return mended?.PlaceInSequence >= found.Descriptor.Sequence ? mended : found;
                    }

                    mended = mended?.PlaceInSequence >= found.PlaceInSequence ? mended : found;
                }
            }
            catch (RepositoryCorruptException exception)
            {
                Log.RecordDamaged(context.Logger, exception.Message);
            }
        }

        return mended;
    }

    /// <summary>Reads which sessions took a number of an image, by number; whether they committed is not looked at.</summary>
    public static async ValueTask<List<SessionId>> ReadSessionsOfAsync(RepositoryContext context, string encodedImage, CancellationToken cancellationToken)
    {
        List<SessionId> sessions = [];
        await foreach (ObjectInfo info in context.Store.ListAsync(ObjectNames.ImagePrefix(encodedImage), null, cancellationToken).ConfigureAwait(false))
        {
            if (await context.TryReadRecordAsync(info.Name, RecordKind.ImageEntry, cancellationToken).ConfigureAwait(false) is { } body)
            {
                sessions.Add(ReadEntry(info.Name, body));
            }
        }

        return sessions;
    }

    /// <summary>Lists the sessions without a fate, oldest first.</summary>
    public static async Task<IReadOnlyList<InterruptedCapture>> ReadInterruptedAsync(RepositoryContext context, CancellationToken cancellationToken)
    {
        List<InterruptedCapture> interrupted = [];
        foreach ((SessionId session, (bool HasFate, bool IsRetired) state) in await ListAsync(context, cancellationToken).ConfigureAwait(false))
        {
            string name = ObjectNames.Open(session);
            if (!state.HasFate && await TryReadOpenAsync(context, name, cancellationToken).ConfigureAwait(false) is { } open)
            {
                interrupted.Add(new InterruptedCapture { SessionId = session.ToString(), EncodedImage = open.EncodedImage, Writer = open.Writer, OpenedAt = open.OpenedAt });
            }
        }

        interrupted.Sort(static (left, right) => left.OpenedAt.CompareTo(right.OpenedAt));
        return interrupted;
    }

    /// <summary>Reads a snapshot; one whose records are damaged, or whose keys are not at hand, is logged and not given: it must not hide the others, and verification names it.</summary>
    public static async ValueTask<CommittedSnapshot?> TryReadAsync(RepositoryContext context, SessionId session, bool? isRetired, CancellationToken cancellationToken)
    {
        try
        {
            return await CommittedSnapshot.TryReadAsync(context, session, isRetired, cancellationToken).ConfigureAwait(false);
        }
        catch (RepositoryCorruptException exception)
        {
            Log.RecordDamaged(context.Logger, exception.Message);
            return null;
        }
        catch (RepositoryKeyException exception) when (context.Protection.HasKeys)
        {
            // Of an epoch whose keys this holder was not given, or which were destroyed: the others are his to read.
            Log.SnapshotSealed(context.Logger, exception.Message);
            return null;
        }
    }

    private static async ValueTask<OpenRecord?> TryReadOpenAsync(RepositoryContext context, string name, CancellationToken cancellationToken)
    {
        try
        {
            return await context.TryReadRecordAsync(name, RecordKind.Open, cancellationToken).ConfigureAwait(false) is { } body ? OpenRecord.Read(name, body) : null;
        }
        catch (RepositoryCorruptException exception)
        {
            Log.RecordDamaged(context.Logger, exception.Message);
            return null;
        }
    }

    public static SessionId ReadEntry(string name, ReadOnlyMemory<byte> body)
    {
        RecordReader reader = new(name, body.Span);
        SessionId session = reader.Session();
        reader.End();
        return session;
    }

    private static async ValueTask<Dictionary<SessionId, (bool HasFate, bool IsRetired)>> ListAsync(RepositoryContext context, CancellationToken cancellationToken)
    {
        Dictionary<SessionId, (bool HasFate, bool IsRetired)> sessions = [];
        await foreach (ObjectInfo info in context.Store.ListAsync(ObjectNames.Sessions, null, cancellationToken).ConfigureAwait(false))
        {
            if (ObjectNames.TryParseSession(info.Name, out SessionId session, out string part))
            {
                (bool hasFate, bool isRetired) = sessions.GetValueOrDefault(session);
                sessions[session] = (hasFate || part == "fate", isRetired || part == "retired");
            }
        }

        return sessions;
    }
}
