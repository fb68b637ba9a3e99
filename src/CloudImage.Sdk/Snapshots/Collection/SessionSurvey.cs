using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots.Collection;

/// <summary>What a collector sees of packs and sessions, listed in the order that its step asks for. One user at a time.</summary>
internal sealed class SessionSurvey
{
    private readonly RepositoryContext _context;

    private SessionSurvey(RepositoryContext context) => _context = context;

    /// <summary>The packs with their lengths; empty in a second listing.</summary>
    public Dictionary<PackId, long> Packs { get; } = [];

    public Dictionary<SessionId, SessionState> Sessions { get; } = [];

    /// <summary>G2: packs, then fates and marks of retirement, then preps and pins.</summary>
    public static async ValueTask<SessionSurvey> ReadFirstAsync(RepositoryContext context, CancellationToken cancellationToken)
    {
        SessionSurvey survey = await ReadPacksAsync(context, cancellationToken).ConfigureAwait(false);
        await survey.ListAsync(Parts.Decisions, cancellationToken).ConfigureAwait(false);
        await survey.ListAsync(Parts.Preps | Parts.Pins, cancellationToken).ConfigureAwait(false);
        return survey;
    }

    /// <summary>Packs alone.</summary>
    public static async ValueTask<SessionSurvey> ReadPacksAsync(RepositoryContext context, CancellationToken cancellationToken)
    {
        SessionSurvey survey = new(context);
        await survey.ListPacksAsync(ObjectNames.DataPacks, cancellationToken).ConfigureAwait(false);
        await survey.ListPacksAsync(ObjectNames.TreePacks, cancellationToken).ConfigureAwait(false);
        return survey;
    }

    /// <summary>G5: preps, then fates and marks of retirement, then pins.</summary>
    public static async ValueTask<SessionSurvey> ReadAgainAsync(RepositoryContext context, CancellationToken cancellationToken)
    {
        SessionSurvey survey = new(context);
        await survey.ListAsync(Parts.Preps, cancellationToken).ConfigureAwait(false);
        await survey.ListAsync(Parts.Decisions, cancellationToken).ConfigureAwait(false);
        await survey.ListAsync(Parts.Pins, cancellationToken).ConfigureAwait(false);
        return survey;
    }

    /// <summary>The state of a session; one that nothing was listed of is undecided.</summary>
    public SessionState StateOf(SessionId session)
    {
        if (!Sessions.TryGetValue(session, out SessionState? state))
        {
            state = new SessionState();
            Sessions.Add(session, state);
        }

        return state;
    }

    private async ValueTask ListPacksAsync(string prefix, CancellationToken cancellationToken)
    {
        await foreach (ObjectInfo info in _context.Store.ListAsync(prefix, null, cancellationToken).ConfigureAwait(false))
        {
            if (PackId.TryParse(info.Name, out PackId pack))
            {
                Packs[pack] = info.Length;
                Trace(StateOf(pack.Session), info);
            }
        }
    }

    private async ValueTask ListAsync(Parts parts, CancellationToken cancellationToken)
    {
        await foreach (ObjectInfo info in _context.Store.ListAsync(ObjectNames.Sessions, null, cancellationToken).ConfigureAwait(false))
        {
            if (!ObjectNames.TryParseSession(info.Name, out SessionId session, out string part))
            {
                continue;
            }

            SessionState state = StateOf(session);
            Trace(state, info);
            if ((parts & Parts.Decisions) != 0)
            {
                state.HasFate |= part == "fate";
                state.IsRetired |= part == "retired";
            }

            if ((parts & Parts.Preps) != 0 && part.StartsWith("prep.", StringComparison.Ordinal)
                && int.TryParse(part.AsSpan(5), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int number))
            {
                state.Preps.Add(number);
            }

            if ((parts & Parts.Pins) != 0 && ObjectNames.TryParsePin(part, out string pin, out bool isReleased))
            {
                state.AddPin(pin, isReleased);
            }
        }
    }

    private static void Trace(SessionState state, ObjectInfo info) =>
        state.LastTrace = info.LastModified > state.LastTrace ? info.LastModified : state.LastTrace;

    [Flags]
    private enum Parts
    {
        Decisions = 1,
        Preps = 2,
        Pins = 4,
    }
}
