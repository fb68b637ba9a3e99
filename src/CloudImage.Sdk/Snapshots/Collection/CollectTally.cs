using System;
using System.Collections.Generic;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;

namespace CloudImage.Sdk.Snapshots.Collection;

/// <summary>Counts what a collection finds and does.</summary>
internal sealed class CollectTally
{
    private readonly Dictionary<(SessionId Session, CollectReason Reason), (int Packs, long Bytes)> _findings = [];

    public bool IsAgeBased { get; set; }

    public long Generation { get; set; }

    public SortedSet<long> Adopted { get; } = [];

    public SortedSet<string> Aborted { get; } = new(StringComparer.Ordinal);

    public List<string> Warnings { get; } = [];

    public long Spared { get; set; }

    public long DeletedPacks { get; set; }

    public long DeletedBytes { get; set; }

    public long DeletedSegments { get; set; }

    public long DeletedTraces { get; set; }

    public long CompactedPacks { get; set; }

    public long CopiedBytes { get; set; }

    public DateTimeOffset? WaitsUntil { get; set; }

    /// <summary>Forgets what an earlier round found; what it did stays counted.</summary>
    public void BeginRound() => _findings.Clear();

    public void Note(PackId pack, long length, CollectReason? reason)
    {
        if (reason is { } known)
        {
            (int packs, long bytes) = _findings.GetValueOrDefault((pack.Session, known));
            _findings[(pack.Session, known)] = (packs + 1, bytes + length);
        }
    }

    public CollectResult ToResult(bool isDryRun)
    {
        List<CollectFinding> findings = [];
        long candidates = 0;
        long candidateBytes = 0;
        foreach (((SessionId session, CollectReason reason), (int packs, long bytes)) in _findings)
        {
            CollectFinding finding = new() { SessionId = session.ToString(), Reason = reason, Packs = packs, Bytes = bytes };
            findings.Add(finding);
            candidates += finding.IsCollected ? packs : 0;
            candidateBytes += finding.IsCollected ? bytes : 0;
        }

        findings.Sort(static (left, right) =>
        {
            int order = left.Reason.CompareTo(right.Reason);
            return order != 0 ? order : string.CompareOrdinal(left.SessionId, right.SessionId);
        });
        return new CollectResult
        {
            IsDryRun = isDryRun,
            IsAgeBased = IsAgeBased,
            Generation = Generation,
            AdoptedGenerations = [.. Adopted],
            CandidatePacks = candidates,
            CandidateBytes = candidateBytes,
            SparedPacks = Spared,
            DeletedPacks = DeletedPacks,
            DeletedBytes = DeletedBytes,
            DeletedSegments = DeletedSegments,
            DeletedTraces = DeletedTraces,
            CompactedPacks = CompactedPacks,
            CopiedBytes = CopiedBytes,
            AbortedSessions = [.. Aborted],
            Findings = findings,
            WaitsUntil = WaitsUntil,
            Warnings = Warnings,
        };
    }
}
