using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Diagnostics;
using CloudImage.Sdk.Snapshots.Records;

namespace CloudImage.Sdk.Snapshots.Sessions;

/// <summary>Keeps the packs of a snapshot from collection while somebody reads it, whether it is given up meanwhile or not.</summary>
internal sealed class ReaderPin
{
    private readonly RepositoryContext _context;
    private readonly SessionId _session;
    private readonly string _id;
    private int _isReleased;

    private ReaderPin(RepositoryContext context, SessionId session, string id)
    {
        _context = context;
        _session = session;
        _id = id;
    }

    /// <summary>Creates a pin. First the pin, then the caller's look whether the snapshot is given up: the collector lists in the opposite order.</summary>
    public static async ValueTask<ReaderPin> CreateAsync(RepositoryContext context, SessionId session, string reason, CancellationToken cancellationToken)
    {
        string id = Convert.ToHexStringLower(context.DrawName(8));
        HoldRecord record = Describe(context, reason);
        string name = ObjectNames.Pin(session, id);
        if (await context.TryCreateRecordAsync(name, RecordKind.Pin, record.ToBody(), cancellationToken).ConfigureAwait(false) is null)
        {
            throw new SnapshotRepositoryException($"Object '{name}' exists already, although its name was drawn at random.");
        }

        await context.Store.FlushAsync(cancellationToken).ConfigureAwait(false);
        return new ReaderPin(context, session, id);
    }

    /// <summary>Ends it. A fault is logged: the pin then keeps its packs until somebody releases it.</summary>
    public async ValueTask ReleaseAsync()
    {
        if (Interlocked.Exchange(ref _isReleased, 1) != 0)
        {
            return;
        }

        try
        {
            HoldRecord record = Describe(_context, string.Empty);
            await _context.TryCreateRecordAsync(ObjectNames.PinReleased(_session, _id), RecordKind.PinReleased, record.ToBody(), CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is CloudImageException or System.IO.IOException or ObjectDisposedException)
        {
            Log.PinNotReleased(_context.Logger, exception, _id, _session.ToString());
        }
    }

    /// <summary>The content of a pin that is placed, or released, now.</summary>
    public static HoldRecord Describe(RepositoryContext context, string reason) => new()
    {
        Time = context.TimeProvider.GetUtcNow(),
        Writer = RepositoryContext.WriterName,
        Reason = reason,
    };
}
