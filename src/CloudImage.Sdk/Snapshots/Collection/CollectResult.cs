using System;
using System.Collections.Generic;

namespace CloudImage.Sdk.Snapshots.Collection;

/// <summary>What a collection did, or in a dry run would do. Immutable.</summary>
public sealed class CollectResult
{
    /// <summary>Whether nothing was done.</summary>
    public required bool IsDryRun { get; init; }

    /// <summary>Whether the store failed the probe, so that safety rests on ages and clocks.</summary>
    public required bool IsAgeBased { get; init; }

    /// <summary>The number of the generation that this collection made; 0: nothing was to be condemned.</summary>
    public required long Generation { get; init; }

    /// <summary>Generations of other collectors, which died or are at work, that this one ended; in a dry run, would end.</summary>
    public required IReadOnlyList<long> AdoptedGenerations { get; init; }

    /// <summary>Packs that nothing refers to.</summary>
    public required long CandidatePacks { get; init; }

    /// <summary>Their bytes.</summary>
    public required long CandidateBytes { get; init; }

    /// <summary>Packs that were condemned and then spared, because somebody began to refer to them.</summary>
    public required long SparedPacks { get; init; }

    /// <summary>Packs deleted, those of adopted generations included.</summary>
    public required long DeletedPacks { get; init; }

    /// <summary>Their bytes.</summary>
    public required long DeletedBytes { get; init; }

    /// <summary>Index segments deleted: all of their packs are gone, or a merged segment holds what they held.</summary>
    public required long DeletedSegments { get; init; }

    /// <summary>Traces deleted: those of snapshots that were given up and that nobody reads.</summary>
    public required long DeletedTraces { get; init; }

    /// <summary>Sparse packs whose live frames were copied elsewhere.</summary>
    public required long CompactedPacks { get; init; }

    /// <summary>Bytes of frames copied.</summary>
    public required long CopiedBytes { get; init; }

    /// <summary>Sessions that were given up first.</summary>
    public required IReadOnlyList<string> AbortedSessions { get; init; }

    /// <summary>For each session of which packs go or are held back: how many, and why.</summary>
    public required IReadOnlyList<CollectFinding> Findings { get; init; }

    /// <summary>In a store that fails the probe: when what is condemned may be deleted; null where nothing waits.</summary>
    public required DateTimeOffset? WaitsUntil { get; init; }

    /// <summary>What could not be compacted, with the reason; verification says more.</summary>
    public required IReadOnlyList<string> Warnings { get; init; }
}
