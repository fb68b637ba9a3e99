using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Diagnostics;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Capture;
using CloudImage.Sdk.Snapshots.Encryption;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Sessions;
using CloudImage.Sdk.Snapshots.Trees;
using CloudImage.Sdk.Storage;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace CloudImage.Sdk.Snapshots;

/// <summary>A store of snapshots of disks: incremental, deduplicated, verified, shared by any number of writers without a lock.</summary>
/// <remarks>
/// <para>Every member may be called from several threads at once, and several processes on several machines may use one
/// repository at the same time. Nothing is ever overwritten; what the objects hold is described in FORMAT.md.</para>
/// <para>The repository owns its store and disposes it.</para>
/// </remarks>
public sealed partial class SnapshotRepository : IDisposable, IAsyncDisposable
{
    private const int MaxAttempts = 5;
    private readonly RepositoryContext _context;

    private SnapshotRepository(RepositoryContext context) => _context = context;

    /// <summary>The id of the repository, drawn when it was created.</summary>
    public string Id => _context.Header.Id;

    /// <summary>Size of its chunks in bytes.</summary>
    public int ChunkSize => _context.Header.ChunkSize;

    /// <summary>The digest that its chunks and trees are named by.</summary>
    public Hashing.ContentHashAlgorithm Digest => _context.Header.Digest;

    /// <summary>Whether its content is encrypted.</summary>
    public bool IsEncrypted => _context.Header.Encryption != RepositoryHeader.NoEncryption;

    /// <summary>The store that it lies in.</summary>
    public ObjectStore Store => _context.Store;

    internal RepositoryContext Context => _context;

    /// <summary>Creates a repository in a store that holds none.</summary>
    /// <param name="store">The store, owned by the repository from then on.</param>
    /// <param name="options">What it is fixed to.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The open repository.</returns>
    /// <exception cref="SnapshotRepositoryException">The store holds a repository already.</exception>
    public static Task<SnapshotRepository> CreateAsync(ObjectStore store, SnapshotRepositoryOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        return CreateCoreAsync(store, options, SnapshotRepositoryOpenOptions.Default, cancellationToken);
    }

    /// <summary>Opens a repository.</summary>
    /// <param name="store">The store, owned by the repository from then on.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The open repository.</returns>
    /// <exception cref="SnapshotRepositoryException">The store holds no repository, or one of a version or a kind that this library does not know.</exception>
    public static Task<SnapshotRepository> OpenAsync(ObjectStore store, CancellationToken cancellationToken = default) =>
        OpenAsync(store, SnapshotRepositoryOpenOptions.Default, cancellationToken);

    /// <summary>Opens a repository.</summary>
    /// <param name="store">The store, owned by the repository from then on.</param>
    /// <param name="options">Key, clock and log.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The open repository.</returns>
    /// <exception cref="SnapshotRepositoryException">The store holds no repository, or one of a version or a kind that this library does not know.</exception>
    /// <exception cref="RepositoryKeyException">The repository is encrypted, and no key was given or none that opens it.</exception>
    public static async Task<SnapshotRepository> OpenAsync(ObjectStore store, SnapshotRepositoryOpenOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(options);
        byte[] content = await ReadHeaderAsync(store, cancellationToken).ConfigureAwait(false)
            ?? throw new SnapshotRepositoryException($"There is no repository at {store.Location}: it has no '{ObjectNames.Repository}'.");
        RepositoryHeader header = RepositoryHeader.Parse(content);
        RepositoryProtection protection = await OpenProtectionAsync(store, header, options, cancellationToken).ConfigureAwait(false);
        return new SnapshotRepository(MakeContext(store, header, protection, options));
    }

    /// <summary>Captures a disk. Once this returns, the snapshot is committed and can be read whatever happens to this process.</summary>
    /// <param name="disk">The disk, which must not change while it is read; the caller disposes it.</param>
    /// <param name="options">How to capture.</param>
    /// <param name="progress">Told at most ten times a second how far the capture is; null for nobody.</param>
    /// <param name="cancellationToken">Ends the capture; no snapshot exists then.</param>
    /// <returns>The snapshot, and what it cost.</returns>
    /// <exception cref="ArgumentException">The options contradict one another or the parent.</exception>
    /// <exception cref="SnapshotNotFoundException">The parent or the session to resume is not there.</exception>
    /// <exception cref="SnapshotRepositoryException">The capture lost every race it was in, or the repository is damaged where it needs it.</exception>
    /// <remarks>A capture that fails leaves what it stored to a later one: see <see cref="CaptureOptions.ResumeSession"/>.</remarks>
    public async Task<CaptureResult> CaptureAsync(
        VirtualDisk disk, CaptureOptions options, IProgress<SnapshotProgress>? progress, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(disk);
        ArgumentNullException.ThrowIfNull(options);
        long startedAt = System.Diagnostics.Stopwatch.GetTimestamp();
        string encodedImage = _context.Protection.EncodeImage(options.Image);
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                CaptureResult result = await CaptureOnceAsync(disk, options, encodedImage, progress, cancellationToken).ConfigureAwait(false);
                Telemetry.CaptureReadBytes.Add(result.ReadBytes);
                Telemetry.CaptureStoredBytes.Add(result.StoredBytes);
                Telemetry.CaptureDuration.Record(System.Diagnostics.Stopwatch.GetElapsedTime(startedAt).TotalSeconds);
                return result;
            }
            catch (SessionConflictException exception) when (attempt < MaxAttempts && options.ResumeSession is null)
            {
                Log.CaptureRestarted(_context.Logger, options.Image, attempt + 1, exception.Message);
            }
        }
    }

    /// <summary>Lists the committed snapshots, oldest first.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Those that were not given up. One whose records are damaged, or whose epoch's keys are not at hand, is logged and left out; verification names it.</returns>
    public Task<IReadOnlyList<SnapshotInfo>> ListAsync(CancellationToken cancellationToken = default) => ListAsync(false, cancellationToken);

    /// <summary>Lists the committed snapshots, oldest first.</summary>
    /// <param name="includeRetired">Whether those that were given up are listed too.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The snapshots. One whose records are damaged, or whose epoch's keys are not at hand, is logged and left out; verification names it.</returns>
    public async Task<IReadOnlyList<SnapshotInfo>> ListAsync(bool includeRetired, CancellationToken cancellationToken = default)
    {
        List<SnapshotInfo> snapshots = [];
        foreach (CommittedSnapshot committed in await SessionCatalog.ReadCommittedAsync(_context, includeRetired, cancellationToken).ConfigureAwait(false))
        {
            snapshots.Add(committed.ToInfo());
        }

        snapshots.Sort(static (left, right) =>
        {
            int order = left.CreatedAt.CompareTo(right.CreatedAt);
            order = order != 0 ? order : string.CompareOrdinal(left.Image, right.Image);
            order = order != 0 ? order : left.Sequence.CompareTo(right.Sequence);
            return order != 0 ? order : string.CompareOrdinal(left.Id, right.Id);
        });
        return snapshots;
    }

    /// <summary>Reads what is known of a snapshot, given up or not.</summary>
    /// <param name="id">The snapshot's id.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>What is known.</returns>
    /// <exception cref="SnapshotNotFoundException">There is no committed snapshot of that id.</exception>
    public async Task<SnapshotInfo> GetAsync(string id, CancellationToken cancellationToken = default) =>
        (await FindAsync(id, cancellationToken).ConfigureAwait(false)).ToInfo();

    /// <summary>Finds the newest snapshot of an image that was not given up.</summary>
    /// <param name="image">Name of the image.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The snapshot, or null.</returns>
    public async Task<SnapshotInfo?> FindLatestAsync(string image, CancellationToken cancellationToken = default) =>
        (await SessionCatalog.FindLatestAsync(_context, _context.Protection.EncodeImage(image), cancellationToken).ConfigureAwait(false))?.ToInfo();

    /// <summary>Opens a snapshot as a disk.</summary>
    /// <param name="id">The snapshot's id.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The disk, which the caller disposes before the repository.</returns>
    /// <exception cref="SnapshotNotFoundException">There is no such snapshot, or it was given up.</exception>
    public Task<SnapshotDisk> OpenDiskAsync(string id, CancellationToken cancellationToken = default) => OpenDiskAsync(id, SnapshotDiskOptions.Default, cancellationToken);

    /// <summary>Opens a snapshot as a disk.</summary>
    /// <param name="id">The snapshot's id.</param>
    /// <param name="options">How to read.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The disk, which the caller disposes before the repository.</returns>
    /// <exception cref="SnapshotNotFoundException">There is no such snapshot, or it was given up.</exception>
    public async Task<SnapshotDisk> OpenDiskAsync(string id, SnapshotDiskOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        if (!options.Pin)
        {
            CommittedSnapshot committed = await FindAsync(id, cancellationToken).ConfigureAwait(false);
            return OpenDisk(committed, options, null);
        }

        CommittedSnapshot found = await FindAsync(id, cancellationToken).ConfigureAwait(false);
        ReaderPin pin = await ReaderPin.CreateAsync(_context, found.Id, "open as a disk", cancellationToken).ConfigureAwait(false);
        try
        {
            // Only this look, behind the pin, says whether the snapshot may have been collected.
            return OpenDisk(await FindAsync(id, cancellationToken).ConfigureAwait(false), options, pin);
        }
        catch
        {
            await pin.ReleaseAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Lists the ranges in which a snapshot differs from an older one; equal parts of the trees are not read.</summary>
    /// <param name="olderId">The snapshot that is compared with.</param>
    /// <param name="newerId">The snapshot whose ranges are listed.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The changed ranges in whole chunks, with the kinds that they have in the newer snapshot; it serves as a change map.</returns>
    /// <exception cref="SnapshotNotFoundException">One of them is not there.</exception>
    public async Task<BlockMap> DiffAsync(string olderId, string newerId, CancellationToken cancellationToken = default)
    {
        CommittedSnapshot older = await FindAsync(olderId, cancellationToken).ConfigureAwait(false);
        CommittedSnapshot newer = await FindAsync(newerId, cancellationToken).ConfigureAwait(false);
        TreeDiff diff = new(older.OpenTree(_context), newer.OpenTree(_context));
        return new BlockMap(await diff.CompareAsync(IoMode.Asynchronous, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Lists the sessions that ended without a decision: captures that are running, and captures that died.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The sessions, oldest first.</returns>
    public Task<IReadOnlyList<InterruptedCapture>> ListInterruptedAsync(CancellationToken cancellationToken = default) =>
        SessionCatalog.ReadInterruptedAsync(_context, cancellationToken);

    /// <inheritdoc/>
    public void Dispose() => _context.Store.Dispose();

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _context.Store.DisposeAsync();

    private SnapshotDisk OpenDisk(CommittedSnapshot committed, SnapshotDiskOptions options, ReaderPin? pin) =>
        committed.IsRetired && !options.AllowRetired
            ? throw new SnapshotNotFoundException($"Snapshot {committed.Id} was given up.")
            : new SnapshotDisk(_context, committed.ToInfo(), options, pin);

    internal async Task<CommittedSnapshot> FindAsync(string id, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(id);
        CommittedSnapshot? found = SessionId.TryParse(id, out SessionId session)
            ? await CommittedSnapshot.TryReadAsync(_context, session, cancellationToken).ConfigureAwait(false)
            : null;
        return found ?? throw new SnapshotNotFoundException($"There is no committed snapshot '{id}' in the repository at {_context.Store.Location}.");
    }

    private static async Task<SnapshotRepository> CreateCoreAsync(
        ObjectStore store, SnapshotRepositoryOptions options, SnapshotRepositoryOpenOptions openOptions, CancellationToken cancellationToken)
    {
        RepositoryProtection protection = await CreateProtectionAsync(store, options, cancellationToken).ConfigureAwait(false);
        string encryption = protection.IsSealed ? RepositoryHeader.Aes256Gcm : RepositoryHeader.NoEncryption;
        RepositoryHeader header = new() { Id = SessionId.NewRandom().ToString(), Digest = options.Digest, ChunkSize = options.ChunkSize, Encryption = encryption };
        if (!await store.TryCreateAsync(ObjectNames.Repository, header.ToArray(), ObjectCreateOptions.Default, cancellationToken).ConfigureAwait(false))
        {
            throw new SnapshotRepositoryException($"There is a repository at {store.Location} already.");
        }

        await store.FlushAsync(cancellationToken).ConfigureAwait(false);
        RepositoryContext context = MakeContext(store, header, protection, openOptions);
        Log.RepositoryCreated(context.Logger, header.Id, store.Location);
        return new SnapshotRepository(context);
    }

    private static RepositoryContext MakeContext(ObjectStore store, RepositoryHeader header, RepositoryProtection protection, SnapshotRepositoryOpenOptions options) =>
        new(store, header, protection, options.TimeProvider, options.LoggerFactory?.CreateLogger<SnapshotRepository>() ?? NullLogger<SnapshotRepository>.Instance, options.NameSource);

    private static async ValueTask<byte[]?> ReadHeaderAsync(ObjectStore store, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[RepositoryHeader.MaxLength];
        try
        {
            int count = await store.ReadAsync(ObjectNames.Repository, buffer, 0, cancellationToken).ConfigureAwait(false);
            return buffer.AsSpan(0, count).ToArray();
        }
        catch (ObjectNotFoundException)
        {
            return null;
        }
    }

    private async Task<CaptureResult> CaptureOnceAsync(
        VirtualDisk disk, CaptureOptions options, string encodedImage, IProgress<SnapshotProgress>? progress, CancellationToken cancellationToken)
    {
        CommittedSnapshot? parent = await ResolveParentAsync(options, encodedImage, cancellationToken).ConfigureAwait(false);
        CommittedSnapshot? baseSnapshot = await ResolveBaseAsync(options, cancellationToken).ConfigureAwait(false);
        WriteSession session = await OpenSessionAsync(options, encodedImage, cancellationToken).ConfigureAwait(false);
        CaptureResult result = await CaptureInSessionAsync(disk, options, progress, session, parent, baseSnapshot, cancellationToken).ConfigureAwait(false);

        // The index of the capture is garbage by now: a merge has its memory for itself.
        await MergeSegmentsAsync(session, cancellationToken).ConfigureAwait(false);
        return result;
    }

    private async Task<CaptureResult> CaptureInSessionAsync(
        VirtualDisk disk, CaptureOptions options, IProgress<SnapshotProgress>? progress, WriteSession session, CommittedSnapshot? parent, CommittedSnapshot? baseSnapshot,
        CancellationToken cancellationToken)
    {
        CaptureOperation operation = new(_context, disk, options, progress, session, parent, baseSnapshot, cancellationToken);
        await using (operation.ConfigureAwait(false))
        {
            try
            {
                await session.DeclareRelativesAsync(Relatives(parent, baseSnapshot, options), cancellationToken).ConfigureAwait(false);
                return await operation.ExecuteAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is not SessionConflictException)
            {
                if (exception is SnapshotRepositoryException && await session.IsGivenUpAsync(cancellationToken).ConfigureAwait(false))
                {
                    throw new SessionConflictException($"Session {session.Id} was given up by a collector while it captured.", exception);
                }

                await LeaveAsync(session, operation.StoredBytes, exception).ConfigureAwait(false);
                throw;
            }
        }
    }

    private async ValueTask<CommittedSnapshot?> ResolveParentAsync(CaptureOptions options, string encodedImage, CancellationToken cancellationToken)
    {
        CommittedSnapshot? parent = null;
        if (options.Parent.Id is { } id)
        {
            parent = await FindAsync(id, cancellationToken).ConfigureAwait(false);
            if (parent.IsRetired)
            {
                throw new SnapshotNotFoundException($"Snapshot {id} was given up and cannot be a parent.");
            }
        }
        else if (ReferenceEquals(options.Parent, SnapshotParent.Latest))
        {
            parent = await SessionCatalog.FindLatestAsync(_context, encodedImage, cancellationToken).ConfigureAwait(false);
        }

        if (options.ChangeMap is not null && parent is null)
        {
            throw new ArgumentException("A change map says what changed since a parent, and there is none.", nameof(options));
        }

        if (options.ChangeMap is not null && parent!.Descriptor.IsLayer != options.AsLayer)
        {
            throw new ArgumentException("A change map needs a parent of the same kind: a layer for a layer, a whole disk for a whole disk.", nameof(options));
        }

        return parent;
    }

    private async ValueTask<CommittedSnapshot?> ResolveBaseAsync(CaptureOptions options, CancellationToken cancellationToken)
    {
        if (options.BaseImage is not { } image)
        {
            return null;
        }

        return await SessionCatalog.FindLatestAsync(_context, _context.Protection.EncodeImage(image), cancellationToken).ConfigureAwait(false)
            ?? throw new SnapshotNotFoundException($"There is no snapshot of the base image '{image}' in the repository at {_context.Store.Location}.");
    }

    private static List<CommittedSnapshot> Relatives(CommittedSnapshot? parent, CommittedSnapshot? baseSnapshot, CaptureOptions options)
    {
        List<CommittedSnapshot> relatives = [];
        foreach (CommittedSnapshot? candidate in (IEnumerable<CommittedSnapshot?>)[parent, baseSnapshot, .. options.Layers?.Sources ?? []])
        {
            if (candidate is not null && !relatives.Exists(relative => relative.Id == candidate.Id))
            {
                relatives.Add(candidate);
            }
        }

        return relatives;
    }

    private async ValueTask<WriteSession> OpenSessionAsync(CaptureOptions options, string encodedImage, CancellationToken cancellationToken)
    {
        if (options.ResumeSession is null)
        {
            return await WriteSession.OpenAsync(_context, encodedImage, cancellationToken).ConfigureAwait(false);
        }

        if (!SessionId.TryParse(options.ResumeSession, out SessionId id))
        {
            throw new SnapshotNotFoundException($"'{options.ResumeSession}' is no id of a session.");
        }

        WriteSession session = await WriteSession.ResumeAsync(_context, id, cancellationToken).ConfigureAwait(false);
        return session.EncodedImage == encodedImage
            ? session
            : throw new ArgumentException($"Session {id} captured another image than '{options.Image}'.", nameof(options));
    }

    // A session that stored something stays undecided, so that it can be resumed; one that did not is given up.
    private async ValueTask LeaveAsync(WriteSession session, long storedBytes, Exception cause)
    {
        if (storedBytes > 0)
        {
            Log.CaptureInterrupted(_context.Logger, cause, session.Id.ToString(), storedBytes);
            return;
        }

        try
        {
            await session.AbortAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is CloudImageException or System.IO.IOException)
        {
            // The capture's own fault is what the caller has to know; this one only leaves a little garbage.
            Log.AbortFailed(_context.Logger, exception, session.Id.ToString());
        }
    }

    internal async ValueTask MergeSegmentsAsync(WriteSession session, CancellationToken cancellationToken)
    {
        try
        {
            await Index.SegmentMerger.MergeAsync(_context, session.Id, session.IsUsable, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is CloudImageException or System.IO.IOException or OperationCanceledException)
        {
            // The snapshot is committed: whatever became of the index, the capture succeeded.
            Log.MergeFailed(_context.Logger, exception);
        }
    }
}
