using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Sessions;

namespace CloudImage.Sdk.Snapshots.Verification;

/// <summary>Reads every small object by the layout that its name asks for.</summary>
internal static class RecordVerifier
{
    /// <summary>The kind of record that a name asks for; null where the name is no record's.</summary>
    public static RecordKind? KindOf(string name)
    {
        if (ObjectNames.TryParseSession(name, out SessionId _, out string part))
        {
            return part switch
            {
                "open" => RecordKind.Open,
                "fate" => RecordKind.Fate,
                "retired" => RecordKind.Retired,
                _ when SnapshotIdentity.TryParsePart(part, out _) => RecordKind.Origin,
                _ when part.StartsWith(ObjectNames.SignaturePrefix, StringComparison.Ordinal) => RecordKind.Signature,
                _ when part.StartsWith("owner.", StringComparison.Ordinal) => RecordKind.Owner,
                _ when part.StartsWith("prep.", StringComparison.Ordinal) => RecordKind.Prep,
                _ when ObjectNames.TryParsePin(part, out _, out bool isReleased) => isReleased ? RecordKind.PinReleased : RecordKind.Pin,
                _ => null,
            };
        }

        if (ObjectNames.TryParseImage(name, out string _, out long _))
        {
            return RecordKind.ImageEntry;
        }

        if (ObjectNames.TryParseGeneration(name, out long _, out string generationPart))
        {
            return generationPart switch
            {
                "cond" => RecordKind.Condemned,
                "moves" => RecordKind.Moves,
                "sweep" => RecordKind.Sweep,
                "done" => RecordKind.GenerationDone,
                _ => null,
            };
        }

        if (ObjectNames.TryParseTrace(name, out SessionId _, out int _))
        {
            return RecordKind.Trace;
        }

        return name.StartsWith(ObjectNames.Reports, StringComparison.Ordinal) ? RecordKind.VerifyReport : null;
    }

    /// <summary>Reads a record.</summary>
    /// <exception cref="RepositoryCorruptException">It is damaged, or gone since it was listed.</exception>
    public static async ValueTask VerifyAsync(RepositoryContext context, string name, RecordKind kind, CancellationToken cancellationToken)
    {
        ReadOnlyMemory<byte> body = await context.TryReadRecordAsync(name, kind, cancellationToken).ConfigureAwait(false)
            ?? throw new RepositoryCorruptException(name, 0, "the object was listed and is missing.");
        switch (kind)
        {
            case RecordKind.Open:
                OpenRecord.Read(name, body);
                break;
            case RecordKind.Fate:
                FateRecord.Read(name, body);
                break;
            case RecordKind.Trace:
                TraceRecord.Read(name, body);
                break;
            case RecordKind.Signature:
                Signing.StoredSignature.Read(name, body);
                break;
            case RecordKind.Retired:
                RetiredRecord.Read(name, body);
                break;
            case RecordKind.Pin or RecordKind.PinReleased:
                HoldRecord.Read(name, body);
                break;
            case RecordKind.Condemned:
                CondemnedRecord.Read(name, body);
                break;
            case RecordKind.Moves:
                MovesRecord.Read(name, body);
                break;
            case RecordKind.Sweep:
                GenerationCache.ReadSweep(name, body);
                break;
            case RecordKind.GenerationDone:
                DoneRecord.Read(name, body);
                break;
            case RecordKind.ImageEntry:
                SessionCatalog.ReadEntry(name, body);
                break;
            case RecordKind.Prep:
                PrepRecord prep = PrepRecord.Read(name, body);
                if (!prep.Descriptor.IsEmpty && context.Protection.HasKeysOf(prep.Descriptor.Span) && ObjectNames.TryParseSession(name, out SessionId session, out _))
                {
                    SnapshotDescriptor.Read(name, context.Protection.OpenDescriptor(name, session, prep.Descriptor).Span);
                }

                break;
            default:
                break;
        }
    }
}
