using System;
using Microsoft.Extensions.Logging;

namespace CloudImage.Sdk.Diagnostics;

/// <summary>Every message that the core logs. Event ids never change their meaning: 1000 to 1099 are the repository's.</summary>
internal static partial class Log
{
    [LoggerMessage(EventId = 1000, Level = LogLevel.Information, Message = "Repository {RepositoryId} was created at {Location}")]
    public static partial void RepositoryCreated(ILogger logger, string repositoryId, string location);

    [LoggerMessage(EventId = 1001, Level = LogLevel.Information, Message = "Snapshot {SnapshotId} of image '{Image}', number {Sequence}, was committed; {StoredBytes} bytes were stored")]
    public static partial void SnapshotCommitted(ILogger logger, string snapshotId, string image, long sequence, long storedBytes);

    [LoggerMessage(EventId = 1002, Level = LogLevel.Information, Message = "Snapshot {SnapshotId} was retired")]
    public static partial void SnapshotRetired(ILogger logger, string snapshotId);

    [LoggerMessage(EventId = 1003, Level = LogLevel.Information, Message = "Session {SessionId} repeats its capture, round {Round}: collection condemned packs that it refers to")]
    public static partial void CaptureRoundRepeated(ILogger logger, string sessionId, int round);

    [LoggerMessage(EventId = 1004, Level = LogLevel.Information, Message = "The capture of image '{Image}' begins again, attempt {Attempt}: {Reason}")]
    public static partial void CaptureRestarted(ILogger logger, string image, int attempt, string reason);

    [LoggerMessage(EventId = 1005, Level = LogLevel.Warning, Message = "Session {SessionId} ended without a snapshot after {StoredBytes} bytes were stored; it can be resumed")]
    public static partial void CaptureInterrupted(ILogger logger, Exception exception, string sessionId, long storedBytes);

    [LoggerMessage(EventId = 1006, Level = LogLevel.Warning, Message = "Session {SessionId} could not be given up and stays undecided")]
    public static partial void AbortFailed(ILogger logger, Exception exception, string sessionId);

    [LoggerMessage(EventId = 1007, Level = LogLevel.Warning, Message = "The index is damaged and was passed over in part: {Problem}")]
    public static partial void IndexDamaged(ILogger logger, string problem);

    [LoggerMessage(EventId = 1008, Level = LogLevel.Warning, Message = "Index segments could not be merged; the next capture tries again")]
    public static partial void MergeFailed(ILogger logger, Exception exception);

    [LoggerMessage(EventId = 1009, Level = LogLevel.Information, Message = "{Count} index segments with {Entries} entries were merged into {Name}")]
    public static partial void SegmentsMerged(ILogger logger, int count, long entries, string name);

    [LoggerMessage(EventId = 1010, Level = LogLevel.Error, Message = "Verification found: {Problem}")]
    public static partial void VerificationProblem(ILogger logger, string problem);

    [LoggerMessage(EventId = 1011, Level = LogLevel.Error, Message = "A session is left out because its records are damaged: {Problem}")]
    public static partial void RecordDamaged(ILogger logger, string problem);

    [LoggerMessage(EventId = 1012, Level = LogLevel.Warning, Message = "A snapshot is left out because it cannot be opened: {Reason}")]
    public static partial void SnapshotSealed(ILogger logger, string reason);

    [LoggerMessage(EventId = 1030, Level = LogLevel.Information, Message = "Snapshot {SnapshotId} was put under hold {HoldId}")]
    public static partial void HoldPlaced(ILogger logger, string snapshotId, string holdId);

    [LoggerMessage(EventId = 1031, Level = LogLevel.Information, Message = "Hold {HoldId} on snapshot {SnapshotId} was released")]
    public static partial void HoldReleased(ILogger logger, string snapshotId, string holdId);

    [LoggerMessage(EventId = 1032, Level = LogLevel.Warning, Message = "A snapshot that a plan drops was put under a hold since, and is kept: {Reason}")]
    public static partial void HeldWhilePruned(ILogger logger, string reason);

    [LoggerMessage(EventId = 1012, Level = LogLevel.Information, Message = "Generation {Generation} condemns {Packs} packs")]
    public static partial void GenerationCondemned(ILogger logger, long generation, int packs);

    [LoggerMessage(EventId = 1013, Level = LogLevel.Information, Message = "Generation {Generation} is done: {Packs} packs are deleted")]
    public static partial void GenerationDone(ILogger logger, long generation, int packs);

    [LoggerMessage(EventId = 1014, Level = LogLevel.Warning, Message = "The store at {Location} failed the probe: it is collected by age, which is safe only while clocks agree and no capture takes long; packs stay condemned for {GracePeriod}")]
    public static partial void CollectionByAge(ILogger logger, string location, TimeSpan gracePeriod);

    [LoggerMessage(EventId = 1015, Level = LogLevel.Information, Message = "Compaction copied {Bytes} bytes of {Packs} packs")]
    public static partial void PacksCompacted(ILogger logger, long bytes, int packs);

    [LoggerMessage(EventId = 1016, Level = LogLevel.Warning, Message = "Pin {Pin} of snapshot {SnapshotId} could not be released and keeps its packs")]
    public static partial void PinNotReleased(ILogger logger, Exception exception, string pin, string snapshotId);

    [LoggerMessage(EventId = 1033, Level = LogLevel.Information, Message = "Snapshot {SourceId} was copied as {SnapshotId} to {Location}")]
    public static partial void SnapshotCopied(ILogger logger, string sourceId, string snapshotId, string location);

    [LoggerMessage(EventId = 1034, Level = LogLevel.Information, Message = "A copy to {Location} begins again: {Reason}")]
    public static partial void CopyRestarted(ILogger logger, string location, string reason);

    [LoggerMessage(EventId = 1035, Level = LogLevel.Warning, Message = "The trace of snapshot {SnapshotId} could not be used, and reading goes on without it")]
    public static partial void PrefetchFailed(ILogger logger, Exception exception, string snapshotId);

    [LoggerMessage(EventId = 1036, Level = LogLevel.Information, Message = "Snapshot {SnapshotId} was given up before it was copied, and is left out")]
    public static partial void CopyLeftOut(ILogger logger, string snapshotId);
}
