using System.Collections.Generic;

namespace CloudImage.Sdk.Snapshots;

/// <summary>What a verification found. Immutable.</summary>
public sealed class VerifyResult
{
    /// <summary>Everything found wrong; empty where all is well.</summary>
    public required IReadOnlyList<VerifyProblem> Problems { get; init; }

    /// <summary>Whether nothing was found wrong.</summary>
    public bool IsHealthy => Problems.Count == 0;

    /// <summary>How many objects were looked at.</summary>
    public required long Objects { get; init; }

    /// <summary>How many snapshots were walked.</summary>
    public required long Snapshots { get; init; }

    /// <summary>How many chunks were decoded and digested.</summary>
    public required long Chunks { get; init; }

    /// <summary>How many bytes of packs were read.</summary>
    public required long Bytes { get; init; }

    /// <summary>How many packs were left out, for the limit or because they were verified lately.</summary>
    public required long SkippedPacks { get; init; }

    /// <summary>Names of objects that are no part of the format; they are no problem.</summary>
    public required IReadOnlyList<string> UnknownObjects { get; init; }

    /// <summary>Ids of the snapshots that the problems touch.</summary>
    public required IReadOnlyList<string> AffectedSnapshots { get; init; }

    /// <summary>Ids of snapshots of epochs whose keys are not at hand: of them the stored bytes alone were verified, and they are no problem.</summary>
    public required IReadOnlyList<string> SealedSnapshots { get; init; }
}
