using System;
using System.Collections.Generic;
using System.Linq;
using CloudImage.Sdk.Snapshots.Collection;

namespace CloudImage.Cli.Output;

internal sealed record GcFindingAnswer(string Session, string Reason, bool IsCollected, int Packs, long Bytes);

internal sealed record GcAnswer(
    bool DryRun,
    bool AgeBased,
    long Generation,
    IReadOnlyList<long> AdoptedGenerations,
    IReadOnlyList<string> AbortedSessions,
    long CandidatePacks,
    long CandidateBytes,
    long SparedPacks,
    long DeletedPacks,
    long DeletedBytes,
    long DeletedSegments,
    long DeletedTraces,
    long CompactedPacks,
    long CopiedBytes,
    DateTimeOffset? WaitsUntil,
    IReadOnlyList<string> Warnings,
    IReadOnlyList<GcFindingAnswer> Findings,
    RequestsAnswer Requests)
{
    public static GcAnswer Of(CollectResult result, RequestsAnswer requests) => new(
        result.IsDryRun,
        result.IsAgeBased,
        result.Generation,
        result.AdoptedGenerations,
        result.AbortedSessions,
        result.CandidatePacks,
        result.CandidateBytes,
        result.SparedPacks,
        result.DeletedPacks,
        result.DeletedBytes,
        result.DeletedSegments,
        result.DeletedTraces,
        result.CompactedPacks,
        result.CopiedBytes,
        result.WaitsUntil,
        result.Warnings,
        [.. result.Findings.Select(static one => new GcFindingAnswer(one.SessionId, one.Reason.ToString(), one.IsCollected, one.Packs, one.Bytes))],
        requests);
}

internal sealed record ProbeAnswer(
    bool IsSafe,
    bool RefusesSecondCreate,
    bool HasOneWinner,
    bool ShowsCreations,
    bool ShowsDeletions,
    string Location,
    string? Service,
    bool HasAtomicCreate,
    string? AtomicCreateReason,
    bool HasConsistentLists,
    bool StreamsUploads,
    string ChecksumKind,
    long MaximumObjectLength,
    int PreferredConcurrency,
    RequestsAnswer Requests);
