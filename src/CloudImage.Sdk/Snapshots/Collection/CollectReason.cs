namespace CloudImage.Sdk.Snapshots.Collection;

/// <summary>Why packs of a session can go, or have to stay.</summary>
public enum CollectReason
{
    /// <summary>They stay: the session has no decision yet. Its capture is running, or died.</summary>
    Undecided = 0,

    /// <summary>They go: the session was given up, and no snapshot refers to them.</summary>
    Aborted = 1,

    /// <summary>They go: the snapshot was given up, and no other one refers to them.</summary>
    Retired = 2,

    /// <summary>They go: the session was committed without them, or what was needed of them was copied elsewhere.</summary>
    Unreferenced = 3,

    /// <summary>They stay: another snapshot, a session at work or a pin refers to them, although their own snapshot was given up.</summary>
    Shared = 4,
}
