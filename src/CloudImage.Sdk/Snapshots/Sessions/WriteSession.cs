using System;
using System.Collections.Generic;
using System.Globalization;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots.Collection;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Signing;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots.Sessions;

/// <summary>One writer's run: the steps W0 to W5 of FORMAT.md, which make it at most one snapshot. One user at a time.</summary>
internal sealed class WriteSession
{
    private const int MaxPreps = 64;
    private readonly RepositoryContext _context;
    private readonly long _generation;
    private readonly DateTimeOffset _openedAt;
    private readonly byte[] _nonce = RandomNumberGenerator.GetBytes(FateRecord.NonceLength);
    private GenerationView _generations;
    private int _nextPrep;

    private WriteSession(RepositoryContext context, SessionId id, int owner, string encodedImage, long generation, DateTimeOffset openedAt, GenerationView generations)
    {
        _openedAt = openedAt;
        _context = context;
        Id = id;
        Owner = owner;
        EncodedImage = encodedImage;
        _generation = generation;
        _generations = generations;
    }

    public SessionId Id { get; }

    /// <summary>Which of the session's writers this is; the names of its packs carry it.</summary>
    public int Owner { get; }

    public string EncodedImage { get; }

    /// <summary>Packs that are not referred to because they are damaged; null for none.</summary>
    public IReadOnlySet<PackId>? ExcludedPacks { get; set; }

    /// <summary>Bytes of the records that this writer created.</summary>
    public long RecordBytes { get; private set; }

    /// <summary>W0: creates the session. The generations are listed before the caller lists index segments.</summary>
    public static async ValueTask<WriteSession> OpenAsync(RepositoryContext context, string encodedImage, CancellationToken cancellationToken)
    {
        GenerationView before = await GenerationView.ReadAsync(context, 0, cancellationToken).ConfigureAwait(false);
        SessionId id = new(context.DrawName(SessionId.SizeInBytes));
        OpenRecord open = new()
        {
            Writer = RepositoryContext.WriterName,
            EncodedImage = encodedImage,
            Generation = before.Done,
            OpenedAt = context.TimeProvider.GetUtcNow(),
        };
        int bytes = await CreateAsync(context, ObjectNames.Open(id), RecordKind.Open, open.ToBody(), cancellationToken).ConfigureAwait(false);
        bytes += await CreateAsync(context, ObjectNames.Owner(id, 0), RecordKind.Owner, new RecordWriter().Text(open.Writer).Written, cancellationToken).ConfigureAwait(false);
        // Listed after open stands, as W0 orders it; the first listing only gave D, for which an older answer is the cautious one.
        GenerationView generations = await GenerationView.ReadAsync(context, 0, cancellationToken).ConfigureAwait(false);
        context.Moves.Update(generations);
        return new WriteSession(context, id, 0, encodedImage, before.Done, open.OpenedAt, generations) { RecordBytes = bytes };
    }

    /// <summary>Opens a session for the copies of a compaction, which never becomes a snapshot.</summary>
    public static async ValueTask<SessionId> OpenForCopiesAsync(RepositoryContext context, long generation, CancellationToken cancellationToken)
    {
        SessionId id = new(context.DrawName(SessionId.SizeInBytes));
        OpenRecord open = new()
        {
            Writer = $"{RepositoryContext.WriterName} (compaction)",
            EncodedImage = string.Empty,
            Generation = generation,
            OpenedAt = context.TimeProvider.GetUtcNow(),
        };
        await CreateAsync(context, ObjectNames.Open(id), RecordKind.Open, open.ToBody(), cancellationToken).ConfigureAwait(false);
        return id;
    }

    /// <summary>Takes over a session whose writer died: it becomes the next of its owners.</summary>
    /// <exception cref="SnapshotNotFoundException">There is no such session, or it has its fate.</exception>
    public static async ValueTask<WriteSession> ResumeAsync(RepositoryContext context, SessionId id, CancellationToken cancellationToken)
    {
        string openName = ObjectNames.Open(id);
        ReadOnlyMemory<byte>? body = await context.TryReadRecordAsync(openName, RecordKind.Open, cancellationToken).ConfigureAwait(false);
        if (body is null || await context.Store.ExistsAsync(ObjectNames.Fate(id), cancellationToken).ConfigureAwait(false))
        {
            throw new SnapshotNotFoundException($"Session {id} cannot be resumed: {(body is null ? "there is none of that id." : "it was committed or given up.")}");
        }

        OpenRecord open = OpenRecord.Read(openName, body.Value);
        int prep = 0;
        int owner = await NextOwnerAsync(context, id, cancellationToken).ConfigureAwait(false);
        await foreach (ObjectInfo info in context.Store.ListAsync(ObjectNames.Session(id), null, cancellationToken).ConfigureAwait(false))
        {
            prep += info.Name.Contains("/prep.", StringComparison.Ordinal) ? 1 : 0;
        }

        ReadOnlyMemory<byte> writer = new RecordWriter().Text(RepositoryContext.WriterName).Written;
        while (await context.TryCreateRecordAsync(ObjectNames.Owner(id, owner), RecordKind.Owner, writer, cancellationToken).ConfigureAwait(false) is null)
        {
            owner++;
        }

        GenerationView generations = await GenerationView.ReadAsync(context, 0, cancellationToken).ConfigureAwait(false);
        context.Moves.Update(generations);
        return new WriteSession(context, id, owner, open.EncodedImage, open.Generation, open.OpenedAt, generations) { _nextPrep = prep };
    }

    /// <summary>Whether a pack may be referred to: one of this session's own, or one that is dead in no generation known so far.</summary>
    public bool IsUsable(PackId pack) => pack.Session == Id || (!_generations.IsDead(pack) && ExcludedPacks?.Contains(pack) != true);

    /// <summary>W1 and W3: creates the next prep.</summary>
    public async ValueTask<(int Number, byte[] Hash)> DeclareAsync(PrepRecord prep, CancellationToken cancellationToken)
    {
        ReadOnlyMemory<byte> body = prep.ToBody();
        for (; _nextPrep < MaxPreps; _nextPrep++)
        {
            if (await _context.TryCreateRecordAsync(ObjectNames.Prep(Id, _nextPrep), RecordKind.Prep, body, cancellationToken).ConfigureAwait(false) is { } content)
            {
                RecordBytes += content.Length;
                return (_nextPrep++, SHA256.HashData(content));
            }
        }

        throw await GiveUpAsync($"it made {MaxPreps} declarations without an end", cancellationToken).ConfigureAwait(false);
    }

    /// <summary>W4: looks whether a generation condemned what was declared.</summary>
    /// <returns>Whether every foreign pack is safe; if not, <see cref="IsUsable"/> now says which are not.</returns>
    /// <exception cref="SessionConflictException">A generation is missing between others: the session was given up.</exception>
    public async ValueTask<bool> CheckAsync(RefSet refs, CancellationToken cancellationToken)
    {
        GenerationView now = await GenerationView.ReadAsync(_context, _generation, cancellationToken).ConfigureAwait(false);
        if (!now.IsContiguousAbove(_generation))
        {
            throw await GiveUpAsync("a generation of collection is missing", cancellationToken).ConfigureAwait(false);
        }

        bool isSafe = true;
        foreach (PackId pack in refs)
        {
            isSafe &= pack.Session == Id || !now.IsDead(pack);
        }

        if (!isSafe)
        {
            // All generations again: what was dead before stays refused.
            _generations = await GenerationView.ReadAsync(_context, 0, cancellationToken).ConfigureAwait(false);
            _context.Moves.Update(_generations);
        }

        return isSafe;
    }

    /// <summary>W1: with this prep standing, and no generation against it, the packs of the snapshots it builds on are safe for the length of the session.</summary>
    /// <param name="relatives">Parent, base image, layers; nothing happens without any.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="SessionConflictException">One of them was given up, or lost packs to a collection: the session was given up.</exception>
    public async ValueTask DeclareRelativesAsync(IReadOnlyList<CommittedSnapshot> relatives, CancellationToken cancellationToken)
    {
        if (relatives.Count == 0)
        {
            return;
        }

        RefSet refs = new();
        foreach (CommittedSnapshot relative in relatives)
        {
            refs.UnionWith(relative.Refs);
        }

        await DeclareAsync(new PrepRecord { Refs = refs, Descriptor = default }, cancellationToken).ConfigureAwait(false);
        if (!await CheckAsync(refs, cancellationToken).ConfigureAwait(false))
        {
            foreach (PackId pack in refs)
            {
                // A pack that was compacted is dead for good, and what is needed of it lies elsewhere.
                if (_generations.IsDead(pack) && !_context.Moves.IsSource(pack))
                {
                    throw await GiveUpAsync($"pack '{pack}' of a snapshot that it builds on was collected", cancellationToken).ConfigureAwait(false);
                }
            }
        }

        foreach (CommittedSnapshot relative in relatives)
        {
            if (await _context.Store.ExistsAsync(ObjectNames.Retired(relative.Id), cancellationToken).ConfigureAwait(false))
            {
                throw await GiveUpAsync($"snapshot {relative.Id}, which it builds on, was given up meanwhile", cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Whether somebody else gave the session up: its own packs may then be gone as well.</summary>
    public async ValueTask<bool> IsGivenUpAsync(CancellationToken cancellationToken)
    {
        string name = ObjectNames.Fate(Id);
        return await _context.TryReadRecordAsync(name, RecordKind.Fate, cancellationToken).ConfigureAwait(false) is { } body
            && FateRecord.Read(name, body) is { IsCommit: false } fate && !fate.Nonce.Span.SequenceEqual(_nonce);
    }

    /// <summary>Publishes what the session wrote, declares it and commits (W2 to W5): packs, segments, the number in the image's sequence, the complete refs, a last look at collection, the fate.</summary>
    /// <param name="output">What the session wrote.</param>
    /// <param name="refs">Every pack that is reachable from the root.</param>
    /// <param name="describe">Makes the descriptor, given the number in the image's sequence, once everything is stored.</param>
    /// <param name="signer">Signs the descriptor; null for no signature.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>False where collection condemned some of the refs meanwhile: what lay there is to be had or stored elsewhere, and this to be done again.</returns>
    /// <exception cref="SessionConflictException">Somebody else decided the session, or it was given up.</exception>
    public async ValueTask<bool> TryCommitAsync(SessionOutput output, RefSet refs, Func<long, SnapshotDescriptor> describe, SnapshotSigner? signer, CancellationToken cancellationToken)
    {
        await output.CompleteAsync(cancellationToken).ConfigureAwait(false);
        long sequence = await ReserveSequenceAsync(cancellationToken).ConfigureAwait(false);
        await _context.Store.FlushAsync(cancellationToken).ConfigureAwait(false);
        byte[] descriptor = describe(sequence).ToArray();
        PrepRecord prep = new()
        {
            Refs = refs,
            Descriptor = _context.Protection.SealDescriptor(Id, descriptor),
            Signature = signer is null ? default : StoredSignature.Make(signer, SignatureChecker.Message(_context.IdentityOf(Id), descriptor).Span).ToArray(),
        };
        (int number, byte[] hash) = await DeclareAsync(prep, cancellationToken).ConfigureAwait(false);
        if (!await CheckAsync(refs, cancellationToken).ConfigureAwait(false))
        {
            return false;
        }

        await _context.Store.FlushAsync(cancellationToken).ConfigureAwait(false);
        await CommitAsync(number, hash, cancellationToken).ConfigureAwait(false);
        await _context.Store.FlushAsync(cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>Takes the next number of the image's sequence for this session.</summary>
    public async ValueTask<long> ReserveSequenceAsync(CancellationToken cancellationToken)
    {
        long last = 0;
        await foreach (ObjectInfo info in _context.Store.ListAsync(ObjectNames.ImagePrefix(EncodedImage), null, cancellationToken).ConfigureAwait(false))
        {
            last = ObjectNames.TryParseImage(info.Name, out _, out long sequence) ? long.Max(last, sequence) : last;
        }

        ReadOnlyMemory<byte> body = new RecordWriter().Session(Id).Written;
        while (await _context.TryCreateRecordAsync(ObjectNames.Image(EncodedImage, ++last), RecordKind.ImageEntry, body, cancellationToken).ConfigureAwait(false) is null)
        {
        }

        return last;
    }

    /// <summary>W5: commits. Once this returns, the snapshot exists.</summary>
    /// <exception cref="SessionConflictException">Somebody else decided to give the session up.</exception>
    public async ValueTask CommitAsync(int prep, byte[] prepHash, CancellationToken cancellationToken)
    {
        // Where the generations prove nothing, a session is safe only as long as what it refers to cannot have been condemned and deleted meanwhile.
        if (await _context.IsAgeBasedAsync(cancellationToken).ConfigureAwait(false) && _context.TimeProvider.GetUtcNow() - _openedAt > StoreProbeResult.LongestSession)
        {
            throw await GiveUpAsync($"it took longer than {StoreProbeResult.LongestSession} in a store that is collected by age", cancellationToken).ConfigureAwait(false);
        }

        FateRecord fate = new() { IsCommit = true, Prep = prep, PrepHash = prepHash, Nonce = _nonce };
        int overhead = RecordFile.HeaderLength + RecordFile.ChecksumLength;
        RecordBytes += fate.ToBody().Length + overhead + SessionId.SizeInBytes + overhead;
        bool isMine = await _context.TryCreateRecordAsync(ObjectNames.Fate(Id), RecordKind.Fate, fate.ToBody(), cancellationToken).ConfigureAwait(false) is not null
            || await IsMineAsync(cancellationToken).ConfigureAwait(false);
        if (!isMine)
        {
            throw new SessionConflictException($"Session {Id} was decided by somebody else before it could commit.");
        }
    }

    /// <summary>Creates the fate that gives the session up; nothing happens where it has one.</summary>
    public async ValueTask AbortAsync(CancellationToken cancellationToken)
    {
        FateRecord fate = FateRecord.Abort(_nonce);
        await _context.TryCreateRecordAsync(ObjectNames.Fate(Id), RecordKind.Fate, fate.ToBody(), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>G1: creates the fate that gives up a session of somebody else, who is thought dead.</summary>
    /// <returns>Whether it was undecided until then.</returns>
    public static async ValueTask<bool> TryAbortAsync(RepositoryContext context, SessionId session, CancellationToken cancellationToken)
    {
        FateRecord fate = FateRecord.Abort(RandomNumberGenerator.GetBytes(FateRecord.NonceLength));
        return await context.TryCreateRecordAsync(ObjectNames.Fate(session), RecordKind.Fate, fate.ToBody(), cancellationToken).ConfigureAwait(false) is not null;
    }

    /// <summary>Gives the session up, and makes the exception that says why.</summary>
    public async ValueTask<SessionConflictException> GiveUpAsync(string reason, CancellationToken cancellationToken)
    {
        await AbortAsync(cancellationToken).ConfigureAwait(false);
        return new SessionConflictException($"Session {Id} was given up: {reason}.");
    }

    // Records of owners may have been lost with the machine while packs of theirs were not: the names of both count, for none may be used again.
    private static async ValueTask<int> NextOwnerAsync(RepositoryContext context, SessionId id, CancellationToken cancellationToken)
    {
        int next = 0;
        string[] prefixes = [$"{ObjectNames.Session(id)}owner.", $"{ObjectNames.DataPacks}{id}-", $"{ObjectNames.TreePacks}{id}-", $"{ObjectNames.Segments}{id}-"];
        foreach (string prefix in prefixes)
        {
            await foreach (ObjectInfo info in context.Store.ListAsync(prefix, null, cancellationToken).ConfigureAwait(false))
            {
                ReadOnlySpan<char> number = info.Name.AsSpan(prefix.Length, Math.Min(4, info.Name.Length - prefix.Length));
                next = int.TryParse(number, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int owner) ? Math.Max(next, owner + 1) : next;
            }
        }

        return next;
    }

    private static async ValueTask<int> CreateAsync(RepositoryContext context, string name, RecordKind kind, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        return await context.TryCreateRecordAsync(name, kind, body, cancellationToken).ConfigureAwait(false) is { } content
            ? content.Length
            : throw new SnapshotRepositoryException($"Object '{name}' exists already, although its name was drawn at random.");
    }

    // A create that was answered "exists" may be our own, retried after its answer got lost.
    private async ValueTask<bool> IsMineAsync(CancellationToken cancellationToken)
    {
        string name = ObjectNames.Fate(Id);
        ReadOnlyMemory<byte>? body = await _context.TryReadRecordAsync(name, RecordKind.Fate, cancellationToken).ConfigureAwait(false);
        return body is not null && FateRecord.Read(name, body.Value) is { IsCommit: true } fate && fate.Nonce.Span.SequenceEqual(_nonce);
    }
}
