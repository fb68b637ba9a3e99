using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Snapshots.Packs;

/// <summary>Writes frames into one pack after the other; a full pack is published while the next one fills.</summary>
/// <remarks>One user at a time. At most one pack is being published beside the one that fills, which bounds memory and temporary space.</remarks>
internal sealed class PackStream : IAsyncDisposable
{
    private readonly ObjectStore _store;
    private readonly PackKind _kind;
    private readonly SessionId _session;
    private readonly int _owner;
    private readonly Func<PackId, IReadOnlyList<PackSlot>, CancellationToken, ValueTask>? _published;
    private readonly CancellationToken _publishingToken;
    private PackWriter? _current;
    private Task _publishing = Task.CompletedTask;
    private int _next;
    private long _storedBytes;

    /// <summary>Makes a stream.</summary>
    /// <param name="store">The store.</param>
    /// <param name="kind">What the frames hold.</param>
    /// <param name="session">The session that the packs are named by.</param>
    /// <param name="owner">Which of its owners writes.</param>
    /// <param name="published">Told of each pack once it stands; null for nobody.</param>
    /// <param name="cancellationToken">Ends publishing. Not that of a single append: a full pack is finished whatever becomes of the next one.</param>
    public PackStream(
        ObjectStore store, PackKind kind, SessionId session, int owner, Func<PackId, IReadOnlyList<PackSlot>, CancellationToken, ValueTask>? published,
        CancellationToken cancellationToken)
    {
        _store = store;
        _kind = kind;
        _session = session;
        _owner = owner;
        _published = published;
        _publishingToken = cancellationToken;
    }

    /// <summary>Bytes of the packs published and of the frames in the one that fills.</summary>
    public long StoredBytes => Interlocked.Read(ref _storedBytes) + (_current?.Length ?? 0);

    public async ValueTask<FramePlace> AppendAsync(ReadOnlyMemory<byte> frame, FrameHeader header, CancellationToken cancellationToken)
    {
        if (_current is not null && _current.IsFull(frame.Length))
        {
            await PublishAsync().ConfigureAwait(false);
        }

        _current ??= await BeginAsync(cancellationToken).ConfigureAwait(false);
        return await _current.AppendAsync(frame, header, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Publishes what is left. More may be appended afterwards, in a new pack.</summary>
    public async ValueTask CompleteAsync()
    {
        await PublishAsync().ConfigureAwait(false);
        await _publishing.ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        if (_current is not null)
        {
            await _current.DisposeAsync().ConfigureAwait(false);
            _current = null;
        }

        await _publishing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async ValueTask<PackWriter> BeginAsync(CancellationToken cancellationToken)
    {
        if (_next > ObjectNames.MaxPackSequence)
        {
            throw new SnapshotRepositoryException($"Session {_session} has written {_next} packs, which is all that it may.");
        }

        return await PackWriter.BeginAsync(_store, new PackId(_kind, _session, _owner, _next++), cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask PublishAsync()
    {
        await _publishing.ConfigureAwait(false);
        if (_current is { } full)
        {
            _current = null;
            _publishing = Task.Run(() => PublishAsync(full, _publishingToken), CancellationToken.None);
        }
    }

    private async Task PublishAsync(PackWriter full, CancellationToken cancellationToken)
    {
        await using (full.ConfigureAwait(false))
        {
            await full.CompleteAsync(cancellationToken).ConfigureAwait(false);
            Interlocked.Add(ref _storedBytes, full.Length);
            if (_published is not null)
            {
                await _published(full.Id, full.Slots, cancellationToken).ConfigureAwait(false);
            }
        }
    }
}
