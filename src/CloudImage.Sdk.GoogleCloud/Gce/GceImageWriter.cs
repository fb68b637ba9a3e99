using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats.GceTar;
using CloudImage.Sdk.GoogleCloud.Gcs;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.GoogleCloud.Gce;

/// <summary>A disk as what Compute Engine makes an image of: <c>disk.raw</c> in a tar.gz in a bucket, uploaded as it is made.</summary>
/// <remarks>
/// <para>The disk is made longer with zeros to whole GiB, as Compute Engine imports no other. The image is then made with
/// <c>rawDisk.source</c> at <see cref="Source"/>.</para>
/// <para>See <see cref="GcsObjectSink"/> for what completion and disposal mean. Does not own the connection.</para>
/// </remarks>
public sealed class GceImageWriter : DelegatingDiskWriter
{
    private const string Ending = ".tar.gz";

    private readonly GcsObjectSink _sink;

    private GceImageWriter(GcsObjectSink sink, DiskWriter writer, Uri source)
        : base(writer)
    {
        _sink = sink;
        Source = source;
    }

    /// <summary>Where the archive is, as Compute Engine is told: <c>https://storage.googleapis.com/bucket/name.tar.gz</c>.</summary>
    public Uri Source { get; }

    /// <summary>Where the archive is: <c>gs://bucket/name.tar.gz</c>.</summary>
    public string Location => _sink.Location;

    /// <summary>Begins an archive.</summary>
    /// <param name="connection">The service; not owned, and used until the writer is disposed.</param>
    /// <param name="length">Length of the disk in bytes.</param>
    /// <param name="diskOptions">How the archive is made.</param>
    /// <param name="options">Bucket, name (which ends in <c>.tar.gz</c>) and the rest.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The writer, which the caller owns.</returns>
    /// <exception cref="ArgumentException">An option is not valid.</exception>
    /// <exception cref="GoogleCloudException">The name is taken, or the service refused or failed.</exception>
    public static async Task<GceImageWriter> CreateAsync(GoogleCloudConnection connection, long length, GceTarOptions diskOptions, GcsObjectSinkOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(diskOptions);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        if (!options.Name.EndsWith(Ending, StringComparison.Ordinal))
        {
            throw new ArgumentException($"Compute Engine takes archives whose name ends in {Ending}, which '{options.Name}' does not.", nameof(options));
        }

        GcsObjectSink sink = await GcsObjectSink.CreateAsync(connection, options, cancellationToken).ConfigureAwait(false);
        DiskWriter writer = GceTarFormat.Instance.Create(sink, length, diskOptions);
        return new GceImageWriter(sink, writer, new Uri($"https://storage.googleapis.com/{options.Bucket}/{Uri.EscapeDataString(options.Name).Replace("%2F", "/", StringComparison.Ordinal)}"));
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await _sink.DisposeAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
    }
}
