using System;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Trees;

namespace CloudImage.Sdk.Snapshots.Sessions;

/// <summary>A committed session as it is read back: the prep that its fate names. Immutable.</summary>
internal sealed class CommittedSnapshot
{
    private CommittedSnapshot(SessionId id, int prepNumber, PrepRecord prep, SnapshotDescriptor descriptor, bool isRetired)
    {
        Id = id;
        PrepNumber = prepNumber;
        Prep = prep;
        Descriptor = descriptor;
        IsRetired = isRetired;
    }

    public SessionId Id { get; }

    public int PrepNumber { get; }

    public PrepRecord Prep { get; }

    public SnapshotDescriptor Descriptor { get; }

    public bool IsRetired { get; }

    public RefSet Refs => Prep.Refs;

    /// <summary>The number in the image's sequence that its content belongs to: its own, or that of the snapshot in whose place it stands.</summary>
    public long PlaceInSequence => Descriptor.PlaceInSequence;

    /// <summary>Reads a session, or gives null where it is not committed.</summary>
    /// <exception cref="RepositoryCorruptException">Fate and prep do not fit one another.</exception>
    public static ValueTask<CommittedSnapshot?> TryReadAsync(RepositoryContext context, SessionId id, CancellationToken cancellationToken) =>
        TryReadAsync(context, id, null, cancellationToken);

    /// <summary>Reads a session of which a listing told already whether it is retired.</summary>
    public static async ValueTask<CommittedSnapshot?> TryReadAsync(RepositoryContext context, SessionId id, bool? isKnownRetired, CancellationToken cancellationToken)
    {
        string fateName = ObjectNames.Fate(id);
        ReadOnlyMemory<byte>? fateBody = await context.TryReadRecordAsync(fateName, RecordKind.Fate, cancellationToken).ConfigureAwait(false);
        if (fateBody is null || FateRecord.Read(fateName, fateBody.Value) is not { IsCommit: true } fate)
        {
            return null;
        }

        string prepName = ObjectNames.Prep(id, fate.Prep);
        byte[]? content = await context.TryReadObjectAsync(prepName, RecordFile.MaxBodyLength, cancellationToken).ConfigureAwait(false);
        if (content is null || !SHA256.HashData(content).AsSpan().SequenceEqual(fate.PrepHash.Span))
        {
            throw new RepositoryCorruptException(prepName, 0, content is null ? "the prep of a committed snapshot is missing." : "it is not the prep that the fate names.");
        }

        PrepRecord prep = PrepRecord.Read(prepName, RecordFile.Open(prepName, RecordKind.Prep, content));
        SnapshotDescriptor descriptor = SnapshotDescriptor.Read(prepName, context.Protection.OpenDescriptor(prepName, id, prep.Descriptor).Span);
        if (descriptor.Suite != context.Suite || descriptor.ChunkSize != context.Header.ChunkSize)
        {
            throw new RepositoryCorruptException(prepName, 0, "the descriptor is of another repository.");
        }

        bool isRetired = isKnownRetired ?? await context.Store.ExistsAsync(ObjectNames.Retired(id), cancellationToken).ConfigureAwait(false);
        return new CommittedSnapshot(id, fate.Prep, prep, descriptor, isRetired);
    }

    public SnapshotTree OpenTree(RepositoryContext context) => new(context, Descriptor);

    /// <summary>What users see of it.</summary>
    public SnapshotInfo ToInfo() => new(this);
}
