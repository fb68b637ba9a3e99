namespace CloudImage.Sdk.Tests.Snapshots.Model;

/// <summary>A rule of the protocol that is left out, to see that the model finds it at fault.</summary>
public enum ModelMutation
{
    /// <summary>The protocol as it is.</summary>
    None,

    /// <summary>W4: the writer does not look at the generations after its prep.</summary>
    NoGenerationCheck,

    /// <summary>W4: the writer passes by generations that are done.</summary>
    SkipDoneGenerations,

    /// <summary>W3: the complete refs leave out the session's own packs.</summary>
    ForeignRefsOnly,

    /// <summary>W0: the writer uses packs that its index names and a generation has condemned.</summary>
    UseDeadPacks,

    /// <summary>The process that resumes a session commits without looking at the generations after its prep.</summary>
    ResumeWithoutCheck,

    /// <summary>G3: packs whose session has no fate are candidates.</summary>
    CondemnInFlight,

    /// <summary>G5: the collector does not list a second time.</summary>
    NoSecondListing,

    /// <summary>G2 and G5: pins are listed once, before the marks of retirement.</summary>
    PinsOnceBeforeRetired,

    /// <summary>The reader does not look for the mark of retirement after its pin.</summary>
    NoCheckAfterPin,

    /// <summary>G6: a collector that finds a sweep deletes what it computed itself.</summary>
    OwnSweep,

    /// <summary>G5: a source of moves is swept although a snapshot needs it that the moves do not cover.</summary>
    SweepUncovered,

    /// <summary>G3: moves count although their source was spared, and the source is no longer alive by those who refer to it.</summary>
    SparedMovesCount,

    /// <summary>G4: moves count although another collector's condemnation stands in their generation. Only caution: their source stays alive by those who refer to it.</summary>
    UnboundMoves,

    /// <summary>W4: the writer does not mind a generation that is missing in between. Only caution: its prep was complete before the missing one.</summary>
    IgnoreGaps,

    /// <summary>G5: a fated prep that the second listing did not show is not read by its name. Only caution: its writer saw the condemnation.</summary>
    ListedPrepsOnly,

    /// <summary>G2 and G5: pins are listed before the marks of retirement, each time. Only caution: the second listing shows them.</summary>
    PinsBeforeRetired,
}
