using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Sessions;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots.Signing;

/// <summary>Finds the signatures of a snapshot: in its prep, beside it, and in a copy that over its original.</summary>
internal static class SignatureChecker
{
    public static ReadOnlyMemory<byte> Message(SnapshotIdentity identity, ReadOnlySpan<byte> descriptor) =>
        new RecordWriter().Bytes("cloudimage descriptor 0"u8).Session(identity.Repository).Session(identity.Session).Bytes(descriptor).Written;

    /// <summary>The best of a snapshot's signatures.</summary>
    public static async ValueTask<SignatureStatus> CheckAsync(
        RepositoryContext context, CommittedSnapshot snapshot, IReadOnlyCollection<SnapshotSignatureKey> trusted, CancellationToken cancellationToken)
    {
        ReadOnlyMemory<byte> message = Message(context.IdentityOf(snapshot.Id), snapshot.Descriptor.ToArray());
        SignatureStatus status = CheckOrigin(snapshot.Descriptor, trusted);
        foreach (StoredSignature signature in await ReadAsync(context, snapshot, cancellationToken).ConfigureAwait(false))
        {
            status = StoredSignature.Better(status, signature.Check(message.Span, trusted));
        }

        return status;
    }

    /// <summary>Reads the signatures that were made in this repository, that of the capture first.</summary>
    public static async ValueTask<List<StoredSignature>> ReadAsync(RepositoryContext context, CommittedSnapshot snapshot, CancellationToken cancellationToken)
    {
        List<StoredSignature> signatures = [];
        if (!snapshot.Prep.Signature.IsEmpty)
        {
            signatures.Add(StoredSignature.Read(ObjectNames.Prep(snapshot.Id, snapshot.PrepNumber), snapshot.Prep.Signature));
        }

        await foreach (ObjectInfo info in context.Store.ListAsync(ObjectNames.Session(snapshot.Id) + ObjectNames.SignaturePrefix, null, cancellationToken).ConfigureAwait(false))
        {
            if (await context.TryReadRecordAsync(info.Name, RecordKind.Signature, cancellationToken).ConfigureAwait(false) is { } body)
            {
                signatures.Add(StoredSignature.Read(info.Name, body));
            }
        }

        return signatures;
    }

    /// <summary>What the signature over the original of a copy is worth; a copy that says something else than its original has none.</summary>
    public static SignatureStatus CheckOrigin(SnapshotDescriptor copy, IReadOnlyCollection<SnapshotSignatureKey> trusted)
    {
        if (copy.Origin is not { } origin || origin.Signature.IsEmpty)
        {
            return SignatureStatus.None;
        }

        string name = $"origin {origin.Identity.Session}";
        SnapshotDescriptor original = SnapshotDescriptor.Read(name, origin.Descriptor.Span);
        SignatureStatus status = StoredSignature.Read(name, origin.Signature).Check(Message(origin.Identity, origin.Descriptor.Span).Span, trusted);
        bool isSame = original.Root == copy.Root && original.Length == copy.Length && original.Suite == copy.Suite && original.ChunkSize == copy.ChunkSize
            && original.Image == copy.Image && original.CreatedAt == copy.CreatedAt && original.IsLayer == copy.IsLayer;
        return isSame ? status : SignatureStatus.Invalid;
    }
}
