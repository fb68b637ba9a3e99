using System;
using System.Net;
using System.Text.Json.Nodes;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.GoogleCloud.Gcs;

/// <summary>A new object in Cloud Storage as what a container is written to: a resumable upload, in order, without a temporary file.</summary>
/// <remarks>
/// <para>Each piece is held until the service keeps it, and sent again after a fault. The object appears with its last byte; its length and
/// CRC-32C are then held against what was sent. Nothing of one that is disposed before appears.</para>
/// <para>One write at a time, each where the one before it ended. Does not own the connection.</para>
/// </remarks>
public sealed class GcsObjectSink : ImageSink
{
    private static readonly TimeSpan s_cancelTimeout = TimeSpan.FromSeconds(30);

    private readonly GcsObjectSinkOptions _options;
    private readonly GcsResumableUpload _upload;
    private readonly byte[] _piece;
    private int _fill;
    private long _sent;
    private uint _checksum;
    private bool _isEnded;

    private GcsObjectSink(GcsObjectSinkOptions options, GcsResumableUpload upload)
    {
        _options = options;
        _upload = upload;
        _piece = new byte[options.PieceLength];
    }

    /// <inheritdoc/>
    public override bool IsSequential => true;

    /// <inheritdoc/>
    public override string Name => _options.Name[(_options.Name.LastIndexOf('/') + 1)..];

    /// <summary>Where the object is: <c>gs://bucket/name</c>.</summary>
    public string Location => $"gs://{_options.Bucket}/{_options.Name}";

    private long Position => _sent + _fill;

    /// <summary>Begins an object.</summary>
    /// <param name="connection">The service; not owned, and used until the sink is disposed.</param>
    /// <param name="options">Bucket, name and the rest.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The sink, which the caller owns.</returns>
    /// <exception cref="ArgumentException">An option is not valid.</exception>
    /// <exception cref="GoogleCloudException">The name is taken, or the service refused or failed.</exception>
    public static async Task<GcsObjectSink> CreateAsync(GoogleCloudConnection connection, GcsObjectSinkOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        GcsResumableUpload? upload = await GcsRetries.Pipeline.ExecuteAsync(
            async token => await GcsResumableUpload.BeginAsync(connection, options.Bucket, MakeMetadata(options), options.MayReplace, null, options.RequestTimeout, token).ConfigureAwait(false),
            cancellationToken).ConfigureAwait(false);
        return upload is null ? throw Taken(options) : new GcsObjectSink(options, upload);
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await GiveUpAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override async ValueTask WriteCoreAsync(ReadOnlyMemory<byte> buffer, long fileOffset, IoMode mode, CancellationToken cancellationToken)
    {
        if (fileOffset != Position)
        {
            throw new InvalidOperationException($"The object is an upload at byte {Position}: a write at {fileOffset} is not possible.");
        }

        while (!buffer.IsEmpty)
        {
            // A full piece waits for the byte behind it: the last piece is sent as such.
            if (_fill == _piece.Length)
            {
                await SendAsync(null, cancellationToken).ConfigureAwait(false);
            }

            int count = Math.Min(buffer.Length, _piece.Length - _fill);
            buffer.Span[..count].CopyTo(_piece.AsSpan(_fill));
            _checksum = Crc32C.Append(_checksum, buffer.Span[..count]);
            _fill += count;
            buffer = buffer[count..];
        }
    }

    /// <inheritdoc/>
    protected override ValueTask FlushCoreAsync(IoMode mode, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    /// <inheritdoc/>
    protected override void SetLengthCore(long length)
    {
        if (length != Position)
        {
            throw new InvalidOperationException($"The object is an upload of which {Position} bytes are written; its length cannot be set to {length}.");
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask CompleteCoreAsync(IoMode mode, CancellationToken cancellationToken)
    {
        await SendAsync(Position, cancellationToken).ConfigureAwait(false);
        _isEnded = true;
        GcsObject? stored = _upload.Result;
        if (stored is null || stored.Length != _sent || stored.Checksum != _checksum)
        {
            throw new GoogleCloudException($"Object '{Location}' has {stored?.Length} bytes with the CRC-32C {stored?.Checksum:x8}, where {_sent} with {_checksum:x8} were sent. Delete it.");
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            SyncDoor.Wait(new ValueTask(Task.Run(GiveUpAsync)));
        }

        base.Dispose(disposing);
    }

    private static JsonObject MakeMetadata(GcsObjectSinkOptions options)
    {
        JsonObject metadata = new() { ["name"] = options.Name, ["contentType"] = options.ContentType };
        if (options.StorageClass is { } storageClass)
        {
            metadata["storageClass"] = storageClass;
        }

        return metadata;
    }

    private static GoogleCloudException Taken(GcsObjectSinkOptions options) =>
        new($"There is an object 'gs://{options.Bucket}/{options.Name}', which is not replaced. Choose another name, or say that it may be (replace=true in an address).") { StatusCode = HttpStatusCode.PreconditionFailed };

    private async Task SendAsync(long? total, CancellationToken cancellationToken)
    {
        try
        {
            if (!await _upload.SendAsync(_piece.AsMemory(0, _fill), _sent, total, cancellationToken).ConfigureAwait(false))
            {
                throw Taken(_options);
            }
        }
        catch (GcsSessionExpiredException exception)
        {
            throw new GoogleCloudException($"{exception.Message} What came before byte {_sent} of '{Location}' is not here any more: begin anew.", exception) { IsTransient = true };
        }

        _sent += _fill;
        _fill = 0;
    }

    // What cannot be cancelled expires with the service after a week, and never becomes an object: only a network that fails comes here.
    private async Task GiveUpAsync()
    {
        if (_isEnded)
        {
            return;
        }

        _isEnded = true;
        using CancellationTokenSource limit = new(s_cancelTimeout);
        try
        {
            await _upload.CancelAsync(limit.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is GoogleCloudException or OperationCanceledException)
        {
        }
    }
}
