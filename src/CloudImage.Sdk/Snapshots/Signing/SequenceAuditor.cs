using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Sessions;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots.Signing;

/// <summary>Looks at each number of an image's sequence. One use each.</summary>
internal sealed class SequenceAuditor
{
    private readonly RepositoryContext _context;
    private readonly string _image;
    private readonly IReadOnlyCollection<SnapshotSignatureKey> _trusted;
    private readonly List<string> _problems = [];

    public SequenceAuditor(RepositoryContext context, string image, IReadOnlyCollection<SnapshotSignatureKey> trusted)
    {
        _context = context;
        _image = image;
        _trusted = trusted;
    }

    public async ValueTask<SequenceAudit> ExecuteAsync(string? expectedHead, CancellationToken cancellationToken)
    {
        SortedDictionary<long, string> names = [];
        await foreach (ObjectInfo info in _context.Store.ListAsync(ObjectNames.ImagePrefix(_context.Protection.EncodeImage(_image)), null, cancellationToken).ConfigureAwait(false))
        {
            if (ObjectNames.TryParseImage(info.Name, out _, out long number))
            {
                names[number] = info.Name;
            }
        }

        // A snapshot whose entry was deleted is found by its own records.
        Dictionary<long, CommittedSnapshot> committed = [];
        foreach (CommittedSnapshot snapshot in await SessionCatalog.ReadCommittedAsync(_context, true, cancellationToken).ConfigureAwait(false))
        {
            if (snapshot.Descriptor.Image == _image)
            {
                committed[snapshot.Descriptor.Sequence] = snapshot;
            }
        }

        long last = Math.Max(names.Count == 0 ? 0 : names.Keys.Last(), committed.Count == 0 ? 0 : committed.Keys.Max());
        List<SequenceEntry> entries = [];
        for (long number = 1; number <= last; number++)
        {
            SequenceEntry entry = await LookAsync(number, names.GetValueOrDefault(number), committed.GetValueOrDefault(number), cancellationToken).ConfigureAwait(false);
            entries.Add(entry);
            if (entry.IsSuspicious)
            {
                _problems.Add($"{_image} {entry}");
            }
        }

        if (expectedHead is not null && !committed.Values.Any(snapshot => snapshot.Id.ToString() == expectedHead))
        {
            _problems.Add($"{_image}: snapshot {expectedHead}, which was seen before, is gone without a trace; the repository was put back or cut off.");
        }

        return new SequenceAudit { Image = _image, Entries = entries, Problems = _problems };
    }

    private async ValueTask<SequenceEntry> LookAsync(long number, string? entryName, CommittedSnapshot? committed, CancellationToken cancellationToken)
    {
        if (committed is not null)
        {
            SequenceEntry entry = await LookAtSnapshotAsync(number, committed, cancellationToken).ConfigureAwait(false);
            return entryName is not null
                ? entry
                : Entry(number, committed.Id, entry.State, entry.Signature, entry.RetirementSignature, $"snapshot {committed.Id} stands, and the record of its number is gone");
        }

        if (entryName is null)
        {
            return Entry(number, null, SequenceState.Missing, 0, 0, "no record tells who took the number");
        }

        try
        {
            if (await _context.TryReadRecordAsync(entryName, RecordKind.ImageEntry, cancellationToken).ConfigureAwait(false) is { } body)
            {
                return await LookAtSessionAsync(number, SessionCatalog.ReadEntry(entryName, body), cancellationToken).ConfigureAwait(false);
            }
        }
        catch (RepositoryCorruptException exception)
        {
            return Entry(number, null, SequenceState.Missing, 0, 0, exception.Message);
        }

        return Entry(number, null, SequenceState.Missing, 0, 0, "the record of the number was listed and is gone");
    }

    private async ValueTask<SequenceEntry> LookAtSnapshotAsync(long number, CommittedSnapshot snapshot, CancellationToken cancellationToken)
    {
        SignatureStatus signature = await SignatureChecker.CheckAsync(_context, snapshot, _trusted, cancellationToken).ConfigureAwait(false);
        bool isDoubted = _trusted.Count > 0 && signature != SignatureStatus.Valid;
        string doubt = isDoubted ? $"; its signature: {Words(signature)}" : string.Empty;
        if (!snapshot.IsRetired)
        {
            return Entry(number, snapshot.Id, SequenceState.Snapshot, signature, 0, $"snapshot {snapshot.Id} stands{doubt}", isDoubted);
        }

        string name = ObjectNames.Retired(snapshot.Id);
        ReadOnlyMemory<byte>? body = await _context.TryReadRecordAsync(name, RecordKind.Retired, cancellationToken).ConfigureAwait(false);
        if (body is null)
        {
            return Entry(number, snapshot.Id, SequenceState.Retired, signature, 0, $"the record that gave snapshot {snapshot.Id} up was listed and is gone");
        }

        RetiredRecord retired = RetiredRecord.Read(name, body.Value);
        SignatureStatus retirement = retired.Signature.IsEmpty
            ? SignatureStatus.None
            : StoredSignature.Read(name, retired.Signature).Check(retired.ToSigned(snapshot.Id).Span, _trusted);
        bool isUnvouched = _trusted.Count > 0 && retirement != SignatureStatus.Valid;
        string who = isUnvouched ? $"; the signature over that: {Words(retirement)}" : string.Empty;
        return Entry(
            number, snapshot.Id, SequenceState.Retired, signature, retirement, $"snapshot {snapshot.Id} was given up {retired.Time:u} by {retired.Writer}: {retired.Reason}{who}{doubt}", isDoubted || isUnvouched);
    }

    private async ValueTask<SequenceEntry> LookAtSessionAsync(long number, SessionId session, CancellationToken cancellationToken)
    {
        string name = ObjectNames.Fate(session);
        if (await _context.TryReadRecordAsync(name, RecordKind.Fate, cancellationToken).ConfigureAwait(false) is { } body)
        {
            if (!FateRecord.Read(name, body).IsCommit)
            {
                return Entry(number, session, SequenceState.Unused, 0, 0, $"session {session} was given up before it was a snapshot", false);
            }

            CommittedSnapshot? other = await CommittedSnapshot.TryReadAsync(_context, session, cancellationToken).ConfigureAwait(false);
            return other is not null && other.Descriptor.Image == _image && other.Descriptor.Sequence != number
                ? Entry(number, session, SequenceState.Unused, 0, 0, $"session {session} took the number and committed as #{other.Descriptor.Sequence}", false)
                : Entry(number, session, SequenceState.Missing, 0, 0, $"session {session} committed, and is no snapshot of this number");
        }

        return await _context.Store.ExistsAsync(ObjectNames.Open(session), cancellationToken).ConfigureAwait(false)
            ? Entry(number, session, SequenceState.Undecided, 0, 0, $"session {session} runs, or died without a decision", false)
            : Entry(number, session, SequenceState.Missing, 0, 0, $"session {session} took the number, and its records are gone");
    }

    private static SequenceEntry Entry(
        long number, SessionId? session, SequenceState state, SignatureStatus signature, SignatureStatus retirement, string explanation, bool isSuspicious = true) => new()
        {
            Sequence = number,
            SnapshotId = session?.ToString(),
            State = state,
            Signature = signature,
            RetirementSignature = retirement,
            IsSuspicious = isSuspicious,
            Explanation = explanation,
        };

    private static string Words(SignatureStatus status) => status switch
    {
        SignatureStatus.None => "none",
        SignatureStatus.UnknownKey => "by a key that is not trusted",
        SignatureStatus.Invalid => "does not fit",
        _ => "good",
    };
}
