namespace CloudImage.Sdk.Snapshots.Records;

/// <summary>What a record object holds. The numbers are stored.</summary>
internal enum RecordKind
{
    Open = 1,
    Owner = 2,
    Prep = 3,
    Fate = 4,
    Retired = 5,
    Pin = 6,
    PinReleased = 7,
    ImageEntry = 8,
    Condemned = 9,
    Moves = 10,
    Sweep = 11,
    GenerationDone = 12,
    VerifyReport = 13,
    Origin = 14,
    Signature = 15,
    Trace = 16,
}
