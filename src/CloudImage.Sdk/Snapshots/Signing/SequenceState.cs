namespace CloudImage.Sdk.Snapshots.Signing;

/// <summary>What became of a number of an image's sequence.</summary>
public enum SequenceState
{
    /// <summary>A snapshot that stands.</summary>
    Snapshot = 0,

    /// <summary>A snapshot that was given up.</summary>
    Retired = 1,

    /// <summary>A session that took the number and was given up, or committed under a later one.</summary>
    Unused = 2,

    /// <summary>A session that took the number and has no fate yet: a capture that runs or that died.</summary>
    Undecided = 3,

    /// <summary>Nothing tells what became of it: its records are gone or damaged.</summary>
    Missing = 4,
}
