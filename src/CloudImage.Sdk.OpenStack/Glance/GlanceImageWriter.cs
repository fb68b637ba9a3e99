using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.OpenStack.Glance;

/// <summary>A new image in Glance as the destination of a disk: any format that can be written front to back, uploaded as it is made.</summary>
/// <remarks>See <see cref="GlanceImageSink"/> for what completion and disposal mean. Does not own the connection.</remarks>
public sealed class GlanceImageWriter : DelegatingDiskWriter
{
    private readonly GlanceImageSink _sink;

    private GlanceImageWriter(GlanceImageSink sink, DiskWriter writer)
        : base(writer)
    {
        _sink = sink;
    }

    /// <summary>What Glance tells of the image: at the beginning, and anew once it is complete.</summary>
    public GlanceImage Image => _sink.Image;

    /// <summary>Begins an image.</summary>
    /// <param name="connection">The cloud; not owned, and used until the writer is disposed.</param>
    /// <param name="length">Length of the disk in bytes.</param>
    /// <param name="diskOptions">Format and variant, such as <c>new Qcow2Options()</c>.</param>
    /// <param name="options">Name, properties and the rest.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The writer, which the caller owns.</returns>
    /// <exception cref="ArgumentException">An option is not valid, or Glance has no name for the format.</exception>
    /// <exception cref="NotSupportedException">The format cannot be written front to back.</exception>
    /// <exception cref="OpenStackException">The service refused or failed.</exception>
    public static async Task<GlanceImageWriter> CreateAsync(OpenStackConnection connection, long length, DiskCreateOptions diskOptions, GlanceImageOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(diskOptions);
        GlanceImageSink sink = await GlanceImageSink.CreateAsync(connection, diskOptions.Format, length, options, cancellationToken).ConfigureAwait(false);
        return new GlanceImageWriter(sink, diskOptions.Format.Create(sink, length, diskOptions));
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await _sink.DisposeAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
    }
}
