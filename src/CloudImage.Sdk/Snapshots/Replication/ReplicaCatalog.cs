using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots.Replication;

/// <summary>The sessions of a repository by what they are known by across repositories, from one listing.</summary>
internal sealed class ReplicaCatalog
{
    private readonly SessionId _repository;
    private readonly Dictionary<SessionId, State> _sessions = [];
    private readonly Dictionary<SnapshotIdentity, List<SessionId>> _byIdentity = [];

    private ReplicaCatalog(SessionId repository) => _repository = repository;

    /// <summary>The sessions that have a fate and were not given up.</summary>
    public IEnumerable<SessionId> Fated
    {
        get
        {
            foreach ((SessionId session, State state) in _sessions)
            {
                if (state.HasFate && !state.IsRetired)
                {
                    yield return session;
                }
            }
        }
    }

    public static async ValueTask<ReplicaCatalog> ReadAsync(RepositoryContext context, CancellationToken cancellationToken)
    {
        if (!SessionId.TryParse(context.Header.Id, out SessionId repository))
        {
            throw new RepositoryCorruptException(ObjectNames.Repository, 0, $"'{context.Header.Id}' is no id of a repository.");
        }

        ReplicaCatalog catalog = new(repository);
        await foreach (ObjectInfo info in context.Store.ListAsync(ObjectNames.Sessions, null, cancellationToken).ConfigureAwait(false))
        {
            if (ObjectNames.TryParseSession(info.Name, out SessionId session, out string part))
            {
                catalog.Add(session, part);
            }
        }

        foreach ((SessionId session, State state) in catalog._sessions)
        {
            catalog.Index(state.Origin ?? new SnapshotIdentity(repository, session), session);
        }

        return catalog;
    }

    public SnapshotIdentity IdentityOf(SessionId session) =>
        _sessions.TryGetValue(session, out State? state) && state.Origin is { } origin ? origin : new SnapshotIdentity(_repository, session);

    /// <summary>Sessions with a fate for a snapshot: its copies, and copies that were aborted.</summary>
    public IEnumerable<SessionId> FatedOf(SnapshotIdentity identity) => Of(identity, true);

    /// <summary>Sessions without a fate for a snapshot: copies that are being made or whose maker died.</summary>
    public IEnumerable<SessionId> UndecidedOf(SnapshotIdentity identity) => Of(identity, false);

    /// <summary>Notes a copy that was just made.</summary>
    public void Note(SnapshotIdentity identity, SessionId session)
    {
        _sessions[session] = new State { HasFate = true, Origin = identity };
        Index(identity, session);
    }

    private IEnumerable<SessionId> Of(SnapshotIdentity identity, bool hasFate)
    {
        foreach (SessionId session in _byIdentity.GetValueOrDefault(identity) ?? [])
        {
            if (_sessions[session].HasFate == hasFate)
            {
                yield return session;
            }
        }
    }

    private void Add(SessionId session, string part)
    {
        if (!_sessions.TryGetValue(session, out State? state))
        {
            state = new State();
            _sessions.Add(session, state);
        }

        state.HasFate |= part == "fate";
        state.IsRetired |= part == "retired";
        state.Origin = SnapshotIdentity.TryParsePart(part, out SnapshotIdentity origin) ? origin : state.Origin;
    }

    private void Index(SnapshotIdentity identity, SessionId session)
    {
        if (!_byIdentity.TryGetValue(identity, out List<SessionId>? sessions))
        {
            sessions = [];
            _byIdentity.Add(identity, sessions);
        }

        if (!sessions.Contains(session))
        {
            sessions.Add(session);
        }
    }

    private sealed class State
    {
        public bool HasFate { get; set; }

        public bool IsRetired { get; set; }

        public SnapshotIdentity? Origin { get; set; }
    }
}
