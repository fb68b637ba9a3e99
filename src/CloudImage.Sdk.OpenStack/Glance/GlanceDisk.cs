using System;
using System.Net.Http;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.OpenStack.Glance;

/// <summary>The file of an image in Glance as a container that is read by ranges as it is needed, read ahead and cached.</summary>
/// <remarks>
/// <para>The disk in it is opened with <see cref="OpenImageAsync"/>, or with <see cref="DiskImage"/> and <see cref="DeclaredFormat"/>. Content
/// of an image that is active never changes; an answer of another length is an error.</para>
/// <para>Thread-safe. Does not own the connection.</para>
/// </remarks>
public sealed class GlanceDisk : VirtualDisk
{
    private readonly HttpClient _client;
    private readonly HttpDisk _disk;

    private GlanceDisk(GlanceImage image, HttpClient client, HttpDisk disk)
    {
        Image = image;
        _client = client;
        _disk = disk;
        Info = new DiskInfo { FormatName = "raw", Variant = "glance", VirtualSize = disk.Length, ContainerLength = disk.Length };
    }

    /// <summary>What Glance tells of the image.</summary>
    public GlanceImage Image { get; }

    /// <summary>The format that whoever uploaded the image said it has; null where none is said, or none that is read here.</summary>
    public DiskFormat? DeclaredFormat => GlanceFormats.Declared(Image);

    /// <inheritdoc/>
    public override DiskInfo Info { get; }

    /// <inheritdoc/>
    public override long Length => _disk.Length;

    /// <summary>How many requests for ranges were made, retries with them.</summary>
    public long RequestCount => _disk.RequestCount;

    /// <summary>Opens the file of an image.</summary>
    /// <param name="connection">The cloud; not owned, and used until the disk is disposed.</param>
    /// <param name="imageId">Id of the image, which must be active.</param>
    /// <param name="options">Sizes, retries and times.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The container, which the caller owns.</returns>
    /// <exception cref="CloudImageException">There is no such image, it is not active, or the service failed or answers no ranges.</exception>
    public static async Task<GlanceDisk> OpenAsync(OpenStackConnection connection, string imageId, HttpDiskOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentException.ThrowIfNullOrEmpty(imageId);
        ArgumentNullException.ThrowIfNull(options);
        GlanceClient glance = new(connection);
        GlanceImage image = await glance.GetAsync(imageId, cancellationToken).ConfigureAwait(false);
        if (image.Status != "active")
        {
            throw new OpenStackException($"Image '{image.Name}' ({image.Id}) is {image.Status}: only an active one can be read.");
        }

        string address = await glance.GetAddressAsync(cancellationToken).ConfigureAwait(false);
        HttpClient client = new(new ConnectionHandler(connection), true) { Timeout = Timeout.InfiniteTimeSpan };
        try
        {
            HttpDisk disk = await HttpDisk.OpenAsync(new Uri($"{address}/images/{Uri.EscapeDataString(image.Id)}/file"), client, options, cancellationToken).ConfigureAwait(false);
            if (image.Length is { } length && length != disk.Length)
            {
                disk.Dispose();
                throw new OpenStackException($"Image '{image.Name}' ({image.Id}) is said to have {length} bytes, and its file has {disk.Length}.");
            }

            return new GlanceDisk(image, client, disk);
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    /// <summary>Opens the disk in an image, as the format that the image is said to have.</summary>
    /// <param name="connection">The cloud; not owned, and used until the disk is disposed.</param>
    /// <param name="imageId">Id of the image, which must be active.</param>
    /// <param name="options">How to open it; a format that is named here is taken instead. Where neither names one, it is detected.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The disk, which the caller owns.</returns>
    /// <exception cref="CloudImageException">The image cannot be read, or is not of that format.</exception>
    /// <remarks>An image that is said to be raw is taken as raw content even where it begins like another format: so does the cloud that boots it.</remarks>
    public static async Task<VirtualDisk> OpenImageAsync(OpenStackConnection connection, string imageId, DiskOpenOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        GlanceDisk container = await OpenAsync(connection, imageId, HttpDiskOptions.Default, cancellationToken).ConfigureAwait(false);
        return options.Format is null && container.DeclaredFormat is { } format
            ? await format.OpenAsync(container, options, cancellationToken).ConfigureAwait(false)
            : await DiskImage.OpenAsync(container, options, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override ValueTask<int> ReadCoreAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken) =>
        _disk.ReadAsync(buffer, offset, cancellationToken);

    /// <inheritdoc/>
    protected override ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken) =>
        ValueTask.FromResult(new DiskPlacement(offset, length, DiskExtentKind.Data, offset));

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _disk.Dispose();
        _client.Dispose();
        base.Dispose(disposing);
    }
}
