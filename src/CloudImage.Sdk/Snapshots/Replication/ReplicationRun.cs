using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Diagnostics;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Sessions;
using CloudImage.Sdk.Snapshots.Signing;

namespace CloudImage.Sdk.Snapshots.Replication;

/// <summary>Copies the snapshots of one repository that others lack. One use each.</summary>
internal sealed class ReplicationRun
{
    private const int MaxAttempts = 5;
    private const int MaxRounds = 8;
    private readonly SnapshotRepository _source;
    private readonly ReplicationOptions _options;
    private readonly SnapshotProgressMeter _meter;
    private readonly FrameTransfer _transfer;
    private readonly List<Destination> _destinations = [];
    private long _totalBytes;
    private long _finishedBytes;
    private long _storedBytes;

    public ReplicationRun(SnapshotRepository source, IEnumerable<SnapshotRepository> destinations, ReplicationOptions options, IProgress<SnapshotProgress>? progress)
    {
        _source = source;
        _options = options;
        _meter = new SnapshotProgressMeter(progress);
        _transfer = new FrameTransfer(source.Context, options.Concurrency);
        _destinations.AddRange(destinations.Select(static repository => new Destination(repository)));
    }

    public async Task<ReplicationResult> ExecuteAsync(CancellationToken cancellationToken)
    {
        ReplicaCatalog catalog = await ReplicaCatalog.ReadAsync(_source.Context, cancellationToken).ConfigureAwait(false);
        foreach (Destination destination in _destinations)
        {
            destination.Catalog = await ReplicaCatalog.ReadAsync(destination.Context, cancellationToken).ConfigureAwait(false);
        }

        List<(CommittedSnapshot Snapshot, List<Destination> Lacking)> work = await PlanAsync(catalog, cancellationToken).ConfigureAwait(false);
        if (work.Count > 0)
        {
            await _source.Context.Moves.RefreshAsync(_source.Context, IO.IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
        }

        _totalBytes = work.Sum(static item => item.Snapshot.Descriptor.Length);
        foreach ((CommittedSnapshot snapshot, List<Destination> lacking) in work)
        {
            await CopyPinnedAsync(catalog, snapshot, lacking, cancellationToken).ConfigureAwait(false);
            _finishedBytes += snapshot.Descriptor.Length;
            Report(0, true);
        }

        return new ReplicationResult { Destinations = [.. _destinations.Select(static destination => destination.ToResult())], ReadBytes = _transfer.ReadBytes };
    }

    // Who has everything costs the listings, and one read of a fate for each snapshot: that tells a copy from one that was given up half made.
    private async ValueTask<List<(CommittedSnapshot Snapshot, List<Destination> Lacking)>> PlanAsync(ReplicaCatalog catalog, CancellationToken cancellationToken)
    {
        HashSet<SessionId>? chosen = await ChooseAsync(cancellationToken).ConfigureAwait(false);
        List<(CommittedSnapshot Snapshot, List<Destination> Lacking)> work = [];
        foreach (SessionId session in catalog.Fated.Where(session => chosen?.Contains(session) != false))
        {
            List<Destination> lacking = [];
            foreach (Destination destination in _destinations)
            {
                if (await HasCopyAsync(destination, catalog.IdentityOf(session), cancellationToken).ConfigureAwait(false))
                {
                    destination.PresentCount++;
                }
                else
                {
                    lacking.Add(destination);
                }
            }

            if (lacking.Count == 0)
            {
                continue;
            }

            if (await CommittedSnapshot.TryReadAsync(_source.Context, session, false, cancellationToken).ConfigureAwait(false) is { } snapshot)
            {
                work.Add((snapshot, lacking));
            }
        }

        work.Sort(static (left, right) =>
        {
            int order = string.CompareOrdinal(left.Snapshot.Descriptor.Image, right.Snapshot.Descriptor.Image);
            order = order != 0 ? order : left.Snapshot.PlaceInSequence.CompareTo(right.Snapshot.PlaceInSequence);
            return order != 0 ? order : left.Snapshot.Descriptor.Sequence.CompareTo(right.Snapshot.Descriptor.Sequence);
        });
        return work;
    }

    private async ValueTask<HashSet<SessionId>?> ChooseAsync(CancellationToken cancellationToken)
    {
        HashSet<SessionId>? ofImages = null;
        if (_options.Images.Count > 0)
        {
            ofImages = [];
            foreach (string image in _options.Images)
            {
                int before = ofImages.Count;
                ofImages.UnionWith(await SessionCatalog.ReadSessionsOfAsync(_source.Context, _source.Context.Protection.EncodeImage(image), cancellationToken).ConfigureAwait(false));
                if (ofImages.Count == before)
                {
                    throw new SnapshotNotFoundException($"There is no snapshot of an image '{image}' in the repository at {_source.Store.Location}.");
                }
            }
        }

        if (_options.SnapshotIds.Count == 0)
        {
            return ofImages;
        }

        HashSet<SessionId> chosen = [];
        foreach (string id in _options.SnapshotIds)
        {
            CommittedSnapshot snapshot = await _source.FindAsync(id, cancellationToken).ConfigureAwait(false);
            if (snapshot.IsRetired)
            {
                throw new SnapshotNotFoundException($"Snapshot {id} was given up.");
            }

            if (ofImages?.Contains(snapshot.Id) != false)
            {
                chosen.Add(snapshot.Id);
            }
        }

        return chosen;
    }

    private static async ValueTask<bool> HasCopyAsync(Destination destination, SnapshotIdentity identity, CancellationToken cancellationToken)
    {
        foreach (SessionId copy in destination.Catalog.FatedOf(identity))
        {
            string name = ObjectNames.Fate(copy);
            if (await destination.Context.TryReadRecordAsync(name, RecordKind.Fate, cancellationToken).ConfigureAwait(false) is { } body && FateRecord.Read(name, body).IsCommit)
            {
                destination.Copies[identity] = copy;
                return true;
            }
        }

        return false;
    }

    private async ValueTask CopyPinnedAsync(ReplicaCatalog catalog, CommittedSnapshot snapshot, List<Destination> lacking, CancellationToken cancellationToken)
    {
        ReaderPin? pin = _options.PinSource ? await ReaderPin.CreateAsync(_source.Context, snapshot.Id, "copied", cancellationToken).ConfigureAwait(false) : null;
        try
        {
            // Behind the pin: what was given up before may be collected already.
            if (pin is not null && await IsRetiredAsync(snapshot, cancellationToken).ConfigureAwait(false))
            {
                await LeaveOutAsync(snapshot, catalog.IdentityOf(snapshot.Id), lacking, cancellationToken).ConfigureAwait(false);
                return;
            }

            await CopyAsync(catalog, snapshot, lacking, cancellationToken).ConfigureAwait(false);
        }
        catch (RepositoryCorruptException exception) when (PackReader.IsMissing(exception))
        {
            // Packs go away under a reader without a pin when the snapshot is given up and collected. Anything else is damage.
            if (!await IsRetiredAsync(snapshot, cancellationToken).ConfigureAwait(false))
            {
                throw;
            }

            await LeaveOutAsync(snapshot, catalog.IdentityOf(snapshot.Id), lacking, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            if (pin is not null)
            {
                await pin.ReleaseAsync().ConfigureAwait(false);
            }
        }
    }

    private ValueTask<bool> IsRetiredAsync(CommittedSnapshot snapshot, CancellationToken cancellationToken) =>
        _source.Store.ExistsAsync(ObjectNames.Retired(snapshot.Id), cancellationToken);

    // Nobody will go on with a copy of what is gone: sessions that began one are given up, so that collection takes what they stored.
    private async ValueTask LeaveOutAsync(CommittedSnapshot snapshot, SnapshotIdentity identity, List<Destination> lacking, CancellationToken cancellationToken)
    {
        string id = snapshot.Id.ToString();
        Log.CopyLeftOut(_source.Context.Logger, id);
        foreach (Destination destination in lacking)
        {
            destination.Catalog = await ReplicaCatalog.ReadAsync(destination.Context, cancellationToken).ConfigureAwait(false);
            foreach (SessionId undecided in destination.Catalog.UndecidedOf(identity))
            {
                await WriteSession.TryAbortAsync(destination.Context, undecided, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async ValueTask CopyAsync(ReplicaCatalog catalog, CommittedSnapshot snapshot, List<Destination> lacking, CancellationToken cancellationToken)
    {
        SnapshotIdentity identity = catalog.IdentityOf(snapshot.Id);
        DescriptorOrigin origin = snapshot.Descriptor.Origin ?? await DescribeAsync(snapshot, identity, cancellationToken).ConfigureAwait(false);
        SnapshotIdentity? parent = snapshot.Descriptor.Parent.IsDefault ? null : catalog.IdentityOf(snapshot.Descriptor.Parent);
        for (int attempt = 1; lacking.Count > 0; attempt++)
        {
            List<Destination> conflicting = [];
            await CopyOnceAsync(snapshot, origin, parent, lacking, conflicting, attempt == MaxAttempts, cancellationToken).ConfigureAwait(false);

            // Somebody else decided over a session: perhaps by making the same copy.
            lacking = [];
            foreach (Destination destination in conflicting)
            {
                destination.Catalog = await ReplicaCatalog.ReadAsync(destination.Context, cancellationToken).ConfigureAwait(false);
                if (await HasCopyAsync(destination, identity, cancellationToken).ConfigureAwait(false))
                {
                    destination.PresentCount++;
                }
                else
                {
                    lacking.Add(destination);
                }
            }
        }
    }

    private async ValueTask<DescriptorOrigin> DescribeAsync(CommittedSnapshot snapshot, SnapshotIdentity identity, CancellationToken cancellationToken)
    {
        List<StoredSignature> signatures = await SignatureChecker.ReadAsync(_source.Context, snapshot, cancellationToken).ConfigureAwait(false);
        return new DescriptorOrigin
        {
            Identity = identity,
            Descriptor = snapshot.Descriptor.ToArray(),
            Signature = signatures.Count > 0 ? signatures[0].ToArray() : default,
        };
    }

    private async ValueTask CopyOnceAsync(
        CommittedSnapshot snapshot, DescriptorOrigin origin, SnapshotIdentity? parent, List<Destination> lacking, List<Destination> conflicting, bool isLastAttempt,
        CancellationToken cancellationToken)
    {
        List<(Destination Destination, WriteSession Session, ReplicaTarget Target)> open = [];
        try
        {
            foreach (Destination destination in lacking)
            {
                try
                {
                    (WriteSession session, ReplicaTarget target) = await OpenTargetAsync(destination, snapshot, origin, cancellationToken).ConfigureAwait(false);
                    open.Add((destination, session, target));
                }
                catch (SessionConflictException exception) when (!isLastAttempt)
                {
                    NoteConflict(destination, conflicting, exception);
                }
            }

            List<(Destination Destination, WriteSession Session, ReplicaTarget Target)> left = open;
            for (int round = 0; left.Count > 0; round++)
            {
                SnapshotReplication walk = new(_source.Context, snapshot, [.. left.Select(static item => item.Target)], _transfer, done => Report(done, false));
                await walk.ExecuteAsync(cancellationToken).ConfigureAwait(false);
                List<(Destination Destination, WriteSession Session, ReplicaTarget Target)> again = [];
                foreach ((Destination destination, WriteSession session, ReplicaTarget target) in left)
                {
                    try
                    {
                        SessionId parentCopy = parent is { } known && destination.Copies.TryGetValue(known, out SessionId copy) ? copy : default;
                        if (await target.TryCommitAsync(snapshot, origin, parentCopy, cancellationToken).ConfigureAwait(false))
                        {
                            await FinishAsync(destination, target, session, snapshot, origin.Identity, cancellationToken).ConfigureAwait(false);
                        }
                        else if (round == MaxRounds - 1)
                        {
                            throw await session.GiveUpAsync($"collection condemned what it refers to {MaxRounds} times", cancellationToken).ConfigureAwait(false);
                        }
                        else
                        {
                            again.Add((destination, session, target));
                        }
                    }
                    catch (SessionConflictException exception) when (!isLastAttempt)
                    {
                        NoteConflict(destination, conflicting, exception);
                    }
                }

                left = again;
            }
        }
        finally
        {
            foreach ((Destination destination, WriteSession _, ReplicaTarget target) in open)
            {
                _storedBytes += target.StoredBytes;
                destination.Add(target);
                await target.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    private void NoteConflict(Destination destination, List<Destination> conflicting, SessionConflictException exception)
    {
        Log.CopyRestarted(_source.Context.Logger, destination.Context.Store.Location, exception.Message);
        conflicting.Add(destination);
    }

    private async ValueTask<(WriteSession Session, ReplicaTarget Target)> OpenTargetAsync(
        Destination destination, CommittedSnapshot snapshot, DescriptorOrigin origin, CancellationToken cancellationToken)
    {
        SnapshotIdentity identity = origin.Identity;
        RepositoryContext context = destination.Context;
        string encodedImage = context.Protection.EncodeImage(snapshot.Descriptor.Image);
        CommittedSnapshot? basis = await destination.FindBaseAsync(snapshot.Descriptor, encodedImage, cancellationToken).ConfigureAwait(false);
        long? place = await destination.FindPlaceAsync(snapshot, origin, encodedImage, cancellationToken).ConfigureAwait(false);
        WriteSession session = await ResumeAsync(destination, identity, cancellationToken).ConfigureAwait(false)
            ?? await WriteSession.OpenAsync(context, encodedImage, cancellationToken).ConfigureAwait(false);
        if (session.Owner == 0)
        {
            // Before the first pack: whoever finds the packs of a dead copy finds what it was a copy of.
            ReadOnlyMemory<byte> body = new RecordWriter().Session(identity.Repository).Session(identity.Session).Written;
            await context.TryCreateRecordAsync(ObjectNames.Origin(session.Id, identity), RecordKind.Origin, body, cancellationToken).ConfigureAwait(false);
        }

        if (basis is not null)
        {
            await session.DeclareRelativesAsync([basis], cancellationToken).ConfigureAwait(false);
        }

        ReplicaTarget target = new(context, _source.Context.Protection, session, basis, cancellationToken) { Place = place };
        try
        {
            await target.PrepareAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await target.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        return (session, target);
    }

    private static async ValueTask<WriteSession?> ResumeAsync(Destination destination, SnapshotIdentity identity, CancellationToken cancellationToken)
    {
        foreach (SessionId undecided in destination.Catalog.UndecidedOf(identity))
        {
            try
            {
                return await WriteSession.ResumeAsync(destination.Context, undecided, cancellationToken).ConfigureAwait(false);
            }
            catch (SnapshotNotFoundException exception)
            {
                // It got its fate since the listing; or its first record was lost with a machine that went down, and nobody can go on with it.
                if (await destination.Context.Store.ExistsAsync(ObjectNames.Fate(undecided), cancellationToken).ConfigureAwait(false))
                {
                    throw new SessionConflictException($"Session {undecided} was decided by somebody else.", exception);
                }
            }
        }

        return null;
    }

    private static async ValueTask FinishAsync(
        Destination destination, ReplicaTarget target, WriteSession session, CommittedSnapshot source, SnapshotIdentity identity, CancellationToken cancellationToken)
    {
        CommittedSnapshot copy = await CommittedSnapshot.TryReadAsync(destination.Context, target.SessionId, cancellationToken).ConfigureAwait(false)
            ?? throw new RepositoryCorruptException(ObjectNames.Fate(target.SessionId), 0, "the fate that was just created is not there.");
        destination.Catalog.Note(identity, copy.Id);
        destination.Copies[identity] = copy.Id;
        destination.NoteCopy(copy);
        destination.Copied.Add(new ReplicatedSnapshot(source.ToInfo(), copy.ToInfo()));
        string id = copy.Id.ToString();
        string sourceId = source.Id.ToString();
        Log.SnapshotCopied(destination.Context.Logger, sourceId, id, destination.Context.Store.Location);
        await destination.Repository.MergeSegmentsAsync(session, cancellationToken).ConfigureAwait(false);
    }

    private void Report(long snapshotBytes, bool isLast) =>
        _meter.Report(_totalBytes, Math.Min(_totalBytes, _finishedBytes + snapshotBytes), _transfer.ReadBytes, _storedBytes, isLast);

    private sealed class Destination(SnapshotRepository repository)
    {
        private readonly Dictionary<string, CommittedSnapshot> _lastOfImage = new(StringComparer.Ordinal);
        private readonly Dictionary<string, CommittedSnapshot?> _newestOfImage = new(StringComparer.Ordinal);
        private long _chunks;
        private long _frameBytes;
        private long _storedBytes;

        public SnapshotRepository Repository => repository;

        public RepositoryContext Context => repository.Context;

        public ReplicaCatalog Catalog { get; set; } = null!;

        public Dictionary<SnapshotIdentity, SessionId> Copies { get; } = [];

        public List<ReplicatedSnapshot> Copied { get; } = [];

        public int PresentCount { get; set; }

        /// <summary>The snapshot whose unchanged parts are taken over: the copy of the image that was made last, or the newest snapshot.</summary>
        public async ValueTask<CommittedSnapshot?> FindBaseAsync(SnapshotDescriptor wanted, string encodedImage, CancellationToken cancellationToken)
        {
            CommittedSnapshot? found = _lastOfImage.GetValueOrDefault(wanted.Image) ?? await FindNewestAsync(wanted.Image, encodedImage, cancellationToken).ConfigureAwait(false);
            return found?.Descriptor.IsLayer == wanted.IsLayer ? found : null;
        }

        /// <summary>Where a copy stands that is made behind copies of later snapshots, as one of a mended snapshot is: right behind the last one before it.</summary>
        /// <returns>That one's number, 0 for none; null for a copy that stands where its own number says.</returns>
        public async ValueTask<long?> FindPlaceAsync(CommittedSnapshot source, DescriptorOrigin origin, string encodedImage, CancellationToken cancellationToken)
        {
            SessionId repository = origin.Identity.Repository;
            long place = PlaceAtOrigin(source.Descriptor.Origin ?? origin);
            CommittedSnapshot? newest = await FindNewestAsync(source.Descriptor.Image, encodedImage, cancellationToken).ConfigureAwait(false);
            bool isMended = source.PlaceInSequence != source.Descriptor.Sequence;
            if (newest is null || (!isMended && !IsBehind(newest)))
            {
                return null;
            }

            bool hasLater = false;
            long before = 0;
            foreach (SessionId session in await SessionCatalog.ReadSessionsOfAsync(Context, encodedImage, cancellationToken).ConfigureAwait(false))
            {
                // Whether a copy was given up meanwhile does not change the order.
                if (await SessionCatalog.TryReadAsync(Context, session, false, cancellationToken).ConfigureAwait(false) is { Descriptor.Origin: { } other } copy
                    && other.Identity.Repository == repository)
                {
                    bool isLater = PlaceAtOrigin(other) > place;
                    hasLater |= isLater;
                    before = isLater ? before : Math.Max(before, copy.PlaceInSequence);
                }
            }

            return hasLater ? before : null;

            bool IsBehind(CommittedSnapshot copy) => copy.Descriptor.Origin is { } other && other.Identity.Repository == repository && PlaceAtOrigin(other) > place;
        }

        /// <summary>Takes a copy that was just made for what the next one is like.</summary>
        public void NoteCopy(CommittedSnapshot copy)
        {
            _lastOfImage[copy.Descriptor.Image] = copy;
            if (_newestOfImage.GetValueOrDefault(copy.Descriptor.Image) is not { } newest || copy.PlaceInSequence >= newest.PlaceInSequence)
            {
                _newestOfImage[copy.Descriptor.Image] = copy;
            }
        }

        private static long PlaceAtOrigin(DescriptorOrigin origin) =>
            SnapshotDescriptor.Read(ObjectNames.Session(origin.Identity.Session), origin.Descriptor.Span).PlaceInSequence;

        private async ValueTask<CommittedSnapshot?> FindNewestAsync(string image, string encodedImage, CancellationToken cancellationToken)
        {
            if (!_newestOfImage.TryGetValue(image, out CommittedSnapshot? newest))
            {
                newest = await SessionCatalog.FindLatestAsync(Context, encodedImage, cancellationToken).ConfigureAwait(false);
                _newestOfImage.Add(image, newest);
            }

            return newest;
        }

        public void Add(ReplicaTarget target)
        {
            _chunks += target.ChunkCount;
            _frameBytes += target.FrameBytes;
            _storedBytes += target.StoredBytes;
        }

        public ReplicationDestination ToResult() => new()
        {
            Location = Context.Store.Location,
            Copied = Copied,
            PresentCount = PresentCount,
            ChunkCount = _chunks,
            FrameBytes = _frameBytes,
            StoredBytes = _storedBytes,
        };
    }
}
