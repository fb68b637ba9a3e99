using System;
using System.Collections.Generic;
using CloudImage.Sdk.Snapshots;

namespace CloudImage.Cli.Output;

// What commands answer with --json. `id` names nothing but a snapshot.

internal sealed record ReferenceAnswer(string Kind, string Name, string? Format);

internal sealed record InternalSnapshotAnswer(string Tag, string Name, long VirtualSize, DateTimeOffset CreatedAt);

internal sealed record BitmapAnswer(string Name, long Granularity, bool IsEnabled, bool IsInconsistent);

internal sealed record ConcernAnswer(string Code, string Message);

internal sealed record InfoAnswer(
    string? Format,
    string? Variant,
    long? VirtualSize,
    long? ContainerLength,
    long? StoredOnDisk,
    int? AllocationUnitSize,
    int? LogicalSectorSize,
    int? PhysicalSectorSize,
    string? Creator,
    string? LinkageId,
    bool IsDirty,
    bool IsEncrypted,
    bool IsConsistent,
    bool IsSafe,
    IReadOnlyList<ReferenceAnswer> References,
    IReadOnlyList<string> Features,
    IReadOnlyList<InternalSnapshotAnswer> Snapshots,
    IReadOnlyList<BitmapAnswer> Bitmaps,
    IReadOnlyList<ConcernAnswer> Concerns,
    IReadOnlyDictionary<string, string> Details);

internal readonly record struct MapAnswer(long Start, long Length, string Kind, int Depth, bool Compressed, long? Offset);

internal sealed record ConvertAnswer(string Destination, string Format, long VirtualSize, long? ContainerLength, double Seconds);

internal sealed record CompareAnswer(bool Equal, long? FirstDifference, bool EqualLengths);

internal sealed record HashAnswer(string Digest, string Algorithm, long Length);

internal sealed record ProblemAnswer(string Kind, long FileOffset, string Message);

internal sealed record CheckAnswer(
    string Format,
    bool IsConsistent,
    bool IsClean,
    int Corruptions,
    int Leaks,
    long AllocatedUnits,
    long TotalUnits,
    long CompressedUnits,
    long ImageEndOffset,
    IReadOnlyList<ProblemAnswer> Problems);

internal sealed record ResizeAnswer(string Image, string Format, long VirtualSize);

internal sealed record FormatAnswer(string Name, string Description, IReadOnlyList<string> Extensions, bool Create, bool Check, bool Resize);

internal sealed record RepoInitAnswer(string Repository, int ChunkSize, string Digest, string Encryption);

internal sealed record SnapshotAnswer(
    string Id,
    string Image,
    long Sequence,
    string? Parent,
    DateTimeOffset CreatedAt,
    long LogicalBytes,
    long DataBytes,
    long StoredBytes,
    string Codec,
    string Root,
    bool IsLayer,
    bool IsDeleted,
    IReadOnlyDictionary<string, string> Tags,
    string? Signature,
    string? Origin)
{
    public static SnapshotAnswer Of(SnapshotInfo info) => Of(info, null);

    public static SnapshotAnswer Of(SnapshotInfo info, string? signature) => new(
        info.Id, info.Image, info.Sequence, info.ParentId, info.CreatedAt, info.Length, info.DataBytes, info.StoredBytes, info.Codec, info.Root.ToString(), info.IsLayer, info.IsRetired, TagsOf(info), signature, info.Origin?.ToString());

    private static Dictionary<string, string> TagsOf(SnapshotInfo info)
    {
        Dictionary<string, string> tags = new(StringComparer.Ordinal);
        foreach ((string key, string value) in info.Tags)
        {
            tags[key] = value;
        }

        return tags;
    }
}

internal sealed record SnapshotCreateAnswer(
    string Id,
    string Image,
    long Sequence,
    string? Parent,
    long LogicalBytes,
    long StoredBytes,
    long ReadBytes,
    long NewChunks,
    long UnchangedChunks,
    long DuplicateChunks,
    long ZeroChunks,
    IReadOnlyList<string> Warnings,
    double Seconds,
    RequestsAnswer Requests);

internal sealed record RangeAnswer(long Offset, long Length);

internal sealed record DiffAnswer(string From, string To, long ChangedBytes, IReadOnlyList<RangeAnswer> Ranges);

internal sealed record ApplyAnswer(string Destination, string Format, long VirtualSize, string Root, double Seconds);

internal sealed record VerifyAnswer(bool IsHealthy, long Snapshots, long Objects, long Chunks, long Bytes, IReadOnlyList<string> Problems, IReadOnlyList<string> AffectedSnapshots);

internal sealed record PruneDecisionAnswer(string Id, string Image, long Sequence, DateTimeOffset CreatedAt, bool Keep, IReadOnlyList<string> Reasons);

internal sealed record PruneAnswer(bool DryRun, int Kept, int ToDrop, IReadOnlyList<string> Dropped, IReadOnlyList<PruneDecisionAnswer> Decisions);

internal sealed record HoldAnswer(string Id, string? Hold, int Released);

internal sealed record TraceAnswer(string Id, bool HasTrace, IReadOnlyList<RangeAnswer> Ranges);

internal sealed record KeptTraceAnswer(string Id, string Image, long Sequence, long StoredBytes);

internal sealed record SignAnswer(string Id, string Algorithm, string Key, bool IsNew);

internal sealed record ProveAnswer(string Id, string Destination, long Offset, long Length, string Root, long ProofBytes, long TreeBytes);

internal sealed record VerifyProofAnswer(
    bool Holds, bool IsTrusted, bool? IsSame, string Root, long Offset, long Length, long VirtualSize, string Image, long Sequence, DateTimeOffset CreatedAt, string Id, string Signature);

internal sealed record KeySlotAnswer(long Epoch, string Holder, string Kind, string Name);

internal sealed record KeyChangeAnswer(string Change, string Name);

internal sealed record DeleteAnswer(IReadOnlyList<string> Deleted);

internal sealed record RestoreAnswer(string Id, string Destination, string Format, long VirtualSize, long? WrittenBytes, double Seconds, RequestsAnswer Requests);

internal sealed record InterruptedAnswer(string SessionId, string EncodedImage, string Writer, DateTimeOffset OpenedAt);

internal sealed record CopiedAnswer(string Id, string Source, string Image, long Sequence);

internal sealed record CopyDestinationAnswer(string Repository, int Present, long Chunks, long FrameBytes, long StoredBytes, IReadOnlyList<CopiedAnswer> Copied);

internal sealed record CopyAnswer(long ReadBytes, double Seconds, IReadOnlyList<CopyDestinationAnswer> Destinations);

internal sealed record SnapshotStatsAnswer(string Id, string Image, long Sequence, long LogicalBytes, long DataBytes, long ReferencedBytes, long ExclusiveBytes);

internal sealed record RepoStatsAnswer(
    int SnapshotCount,
    long LogicalBytes,
    long DataBytes,
    long UniqueBytes,
    long ReferencedBytes,
    long StoredBytes,
    long Objects,
    IReadOnlyList<SnapshotStatsAnswer> Snapshots);
