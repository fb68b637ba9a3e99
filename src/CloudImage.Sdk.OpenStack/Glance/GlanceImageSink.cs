using System;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Channels;
using System.Threading.Tasks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.OpenStack.Glance;

/// <summary>A new image in Glance as what a container is written to: one upload, in order, without a temporary file.</summary>
/// <remarks>
/// <para>Completion waits until the image is active, and holds its size and the digest that the service computed against what was sent.
/// An upload cannot be resumed: what fails, and what is disposed before it is complete, is deleted from the service.</para>
/// <para>One write at a time, each where the one before it ended. Does not own the connection.</para>
/// </remarks>
public sealed class GlanceImageSink : ImageSink
{
    private static readonly TimeSpan s_deletionTimeout = TimeSpan.FromMinutes(2);

    private readonly GlanceClient _glance;
    private readonly GlanceImageOptions _options;
    private readonly UploadFeed _feed = new();
    private readonly CancellationTokenSource _abort = new();
    private readonly IncrementalHash _sha512 = IncrementalHash.CreateHash(HashAlgorithmName.SHA512);
    private readonly IncrementalHash _md5 = MakeMd5();
    private readonly Task _upload;
    private Exception? _failure;
    private long _position;
    private bool _isEnded;

    private GlanceImageSink(GlanceClient glance, GlanceImageOptions options, GlanceImage image)
    {
        _glance = glance;
        _options = options;
        Image = image;
        _upload = UploadAsync();
    }

    /// <summary>What Glance tells of the image: at the beginning, and anew once it is complete.</summary>
    public GlanceImage Image { get; private set; }

    /// <inheritdoc/>
    public override bool IsSequential => true;

    /// <inheritdoc/>
    public override string Name => _options.Name;

    /// <summary>Begins an image.</summary>
    /// <param name="connection">The cloud; not owned, and used until the sink is disposed.</param>
    /// <param name="format">Format of the container that will be written.</param>
    /// <param name="length">Length of the disk in bytes, from which the least size of a boot disk comes.</param>
    /// <param name="options">Name, properties and the rest.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The sink, which the caller owns.</returns>
    /// <exception cref="ArgumentException">An option is not valid, or Glance has no name for the format.</exception>
    /// <exception cref="OpenStackException">The service refused or failed.</exception>
    public static async Task<GlanceImageSink> CreateAsync(OpenStackConnection connection, DiskFormat format, long length, GlanceImageOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(format);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        (string diskFormat, string containerFormat) = GlanceFormats.NamesOf(format);
        int minimumDisk = options.MinimumDiskInGibibytes ?? (int)Math.Min(int.MaxValue, (length >> 30) + ((length & ((1L << 30) - 1)) == 0 ? 0 : 1));
        GlanceClient glance = new(connection);
        GlanceImage image = await glance.CreateAsync(options, diskFormat, containerFormat, minimumDisk, cancellationToken).ConfigureAwait(false);
        return new GlanceImageSink(glance, options, image);
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
        ThrowIfElsewhere(fileOffset);
        _sha512.AppendData(buffer.Span);
        _md5.AppendData(buffer.Span);
        _position += buffer.Length;
        await WithinStallTimeoutAsync(token => _feed.WriteAsync(buffer, token), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override ValueTask FlushCoreAsync(IoMode mode, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    /// <inheritdoc/>
    protected override void SetLengthCore(long length)
    {
        if (length != _position)
        {
            throw new InvalidOperationException($"The image is an upload of which {_position} bytes are written; its length cannot be set to {length}.");
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask CompleteCoreAsync(IoMode mode, CancellationToken cancellationToken)
    {
        try
        {
            await WithinStallTimeoutAsync(_feed.EndAsync, cancellationToken).ConfigureAwait(false);
            await _upload.WaitAsync(_options.ActivationTimeout, cancellationToken).ConfigureAwait(false);
            GlanceImage image = await WaitUntilActiveAsync(cancellationToken).ConfigureAwait(false);
            Verify(image);
            Image = _options.IsProtected ? await _glance.ProtectAsync(image.Id, cancellationToken).ConfigureAwait(false) : image;
            _isEnded = true;
        }
        catch (Exception exception)
        {
            _failure = exception;
            throw;
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

    [SuppressMessage("Security", "CA5351:Do Not Use Broken Cryptographic Algorithms", Justification = "It is the checksum that Glance keeps beside its digest; it finds accidents.")]
    private static IncrementalHash MakeMd5() => IncrementalHash.CreateHash(HashAlgorithmName.MD5);

    private async Task UploadAsync()
    {
        try
        {
            await _glance.UploadAsync(Image.Id, _options.Store, _feed.MakeContent, _abort.Token).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            _feed.Break(exception);
            throw;
        }

        // A service that is content before the last byte has not taken the image.
        _feed.Break(new OpenStackException($"Glance ended the upload of image '{Image.Id}' before its last byte.") { IsTransient = true });
    }

    private async ValueTask WithinStallTimeoutAsync(Func<CancellationToken, ValueTask> write, CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_options.StallTimeout);
        try
        {
            await write(limit.Token).ConfigureAwait(false);
        }
        catch (ChannelClosedException exception)
        {
            _failure = exception.InnerException ?? exception;
            throw new OpenStackException($"The upload of image '{Image.Id}' failed after {_position} bytes: {_failure.Message}", _failure) { IsTransient = _failure is CloudImageException { IsTransient: true } };
        }
        catch (OperationCanceledException exception) when (!cancellationToken.IsCancellationRequested)
        {
            _failure = exception;
            throw new OpenStackException($"Glance took none of the bytes of image '{Image.Id}' for {_options.StallTimeout}.", exception) { IsTransient = true };
        }
    }

    private async Task<GlanceImage> WaitUntilActiveAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_options.ActivationTimeout);
        TimeSpan delay = TimeSpan.FromMilliseconds(200);
        try
        {
            while (true)
            {
                GlanceImage image = await _glance.GetAsync(Image.Id, limit.Token).ConfigureAwait(false);
                switch (image.Status)
                {
                    case "active":
                        return image;
                    case "saving" or "importing" or "uploading":
                        await Task.Delay(delay, limit.Token).ConfigureAwait(false);
                        delay = delay < TimeSpan.FromSeconds(5) ? delay * 2 : delay;
                        break;
                    default:
                        throw new OpenStackException($"Image '{image.Id}' is {image.Status} after its upload: active was expected.");
                }
            }
        }
        catch (OperationCanceledException exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw new OpenStackException($"Image '{Image.Id}' did not become active within {_options.ActivationTimeout}.", exception);
        }
    }

    private void Verify(GlanceImage image)
    {
        if (image.Length != _position)
        {
            throw new OpenStackException($"Image '{image.Id}' has {image.Length} bytes in Glance, where {_position} were sent.");
        }

        (string name, string? stored, byte[] sent) = image.HashAlgorithm == "sha512"
            ? ("SHA-512", image.HashValue, _sha512.GetHashAndReset())
            : ("MD5", image.Checksum, _md5.GetHashAndReset());
        if (stored is null)
        {
            throw new OpenStackException($"Glance keeps neither the SHA-512 nor the MD5 of image '{image.Id}': that it holds what was sent cannot be told.");
        }

        if (!string.Equals(stored, Convert.ToHexStringLower(sent), StringComparison.OrdinalIgnoreCase))
        {
            throw new OpenStackException($"Image '{image.Id}' has the {name} {stored} in Glance, where {Convert.ToHexStringLower(sent)} was sent.");
        }
    }

    private async Task GiveUpAsync()
    {
        if (!_isEnded)
        {
            _isEnded = true;
            await _abort.CancelAsync().ConfigureAwait(false);
            _feed.Break(new OperationCanceledException("The image was given up."));
            await Task.WhenAny(_upload).ConfigureAwait(false);
            _failure ??= _upload.Exception?.InnerException;
            await DeleteAsync().ConfigureAwait(false);
        }

        _abort.Dispose();
        _sha512.Dispose();
        _md5.Dispose();
    }

    private async Task DeleteAsync()
    {
        using CancellationTokenSource limit = new(s_deletionTimeout);
        try
        {
            await _glance.DeleteAsync(Image.Id, limit.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is CloudImageException or OperationCanceledException)
        {
            string before = _failure is null ? string.Empty : $" The upload had failed before: {_failure.Message}";
            throw new OpenStackException($"Half of image '{Image.Id}' is left in Glance and has to be deleted by hand: {exception.Message}{before}", _failure ?? exception);
        }
    }

    private void ThrowIfElsewhere(long fileOffset)
    {
        if (fileOffset != _position)
        {
            throw new InvalidOperationException($"The image is an upload at byte {_position}: a write at {fileOffset} is not possible.");
        }
    }
}
