using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using Azure.Core;
using Azure.ResourceManager;
using Azure.ResourceManager.Compute;
using Azure.ResourceManager.Compute.Models;
using Azure.Storage.Blobs.Specialized;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats.Vhd;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Azure.Disks;

/// <summary>A new managed disk, uploaded in place: created to be uploaded, written by pages over a signed address, which is taken back at the end.</summary>
/// <remarks>
/// <para>The disk has the length of the content, rounded up to whole MiB, and the service is told exactly that and the footer. Pages of zeros are not sent,
/// except where an earlier upload into the same disk left something. Completion writes the footer and ends the access, by which the disk becomes
/// usable; a disk that is not completed is deleted.</para>
/// <para>The access is ended in any case, also when the upload fails; when even that fails, it ends after
/// <see cref="ManagedDiskWriterOptions.AccessDuration"/>. Disjoint ranges may be written from several threads at once. The client is not owned. The
/// synchronous door waits for the asynchronous one.</para>
/// </remarks>
public sealed class ManagedDiskWriter : DiskWriter
{
    private readonly ManagedDiskCalls _calls;
    private readonly ManagedDiskWriterOptions _options;
    private readonly PageUpload _upload;
    private readonly bool _isCreated;
    private bool _isGranted = true;
    private bool _isComplete;

    private ManagedDiskWriter(ManagedDiskCalls calls, ResourceIdentifier id, long length, ManagedDiskWriterOptions options, PageUpload upload, bool isCreated)
    {
        _calls = calls;
        _options = options;
        _upload = upload;
        _isCreated = isCreated;
        DiskId = id;
        Length = length;
    }

    /// <summary>Length of the disk in bytes: what was asked for, rounded up to whole MiB.</summary>
    public override long Length { get; }

    /// <inheritdoc/>
    /// <value>4 MiB.</value>
    public override int PreferredBlockSize => PageBlobConstants.MaxTransferLength;

    /// <summary>Id of the disk.</summary>
    public ResourceIdentifier DiskId { get; }

    /// <summary>How many bytes of pages were sent so far.</summary>
    public long SentByteCount => _upload.SentByteCount;

    /// <summary>Creates a disk to be uploaded, or takes one that waits for its upload.</summary>
    /// <param name="client">The resource manager; not owned, and used until the writer is disposed.</param>
    /// <param name="diskId">Id of the disk: <c>/subscriptions/S/resourceGroups/G/providers/Microsoft.Compute/disks/NAME</c>.</param>
    /// <param name="length">Length of the disk in bytes.</param>
    /// <param name="options">What it is like.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The writer, which the caller owns.</returns>
    /// <exception cref="AzureDiskStateException">The disk exists, and is not one that may be taken.</exception>
    /// <exception cref="AzureDiskException">The disk cannot be created, or no access to it is granted.</exception>
    /// <exception cref="ArgumentException">The id is none of a disk, the length is not that of a disk (up to 32 TiB), or an option is out of range.</exception>
    public static async Task<ManagedDiskWriter> CreateAsync(ArmClient client, ResourceIdentifier diskId, long length, ManagedDiskWriterOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        ManagedDiskCalls.ThrowIfNoDisk(diskId, nameof(diskId), false);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, PageBlobConstants.MaxManagedDiskLength);
        length = PageBlobConstants.RoundUp(length, PageBlobConstants.DiskAlignment);
        ManagedDiskCalls calls = new(client, options.PollInterval);
        bool isCreated = await CreateDiskAsync(calls, diskId, length, options, cancellationToken).ConfigureAwait(false);
        try
        {
            Uri address = await calls.GrantAsync(diskId, AccessLevel.Write, options.AccessDuration, cancellationToken).ConfigureAwait(false);
            PageBlobClient blob = PageBlobClients.FromUri(address, options.Client);
            IReadOnlyList<(long Start, long End)> earlier = isCreated
                ? []
                : await new PageRangeReader(blob, length + PageBlobConstants.PageSize, null).ReadUntilAsync(length, cancellationToken).ConfigureAwait(false);
            PageUpload upload = new(blob, length, earlier, PageUploadKind.Overwrite, false, null, options.MaxConcurrentRequests);
            return new ManagedDiskWriter(calls, diskId, length, options, upload, isCreated);
        }
        catch
        {
            await CleanAsync(calls, diskId, true, isCreated && options.DeletesIncomplete).ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await EndAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override ValueTask WriteCoreAsync(ReadOnlyMemory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken) =>
        _upload.WriteAsync(buffer, offset, cancellationToken);

    /// <inheritdoc/>
    protected override ValueTask WriteZeroesCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken) =>
        _upload.WriteZeroesAsync(offset, length, cancellationToken);

    /// <inheritdoc/>
    protected override async ValueTask CompleteCoreAsync(IoMode mode, CancellationToken cancellationToken)
    {
        await _upload.ClearLeftoversAsync(cancellationToken).ConfigureAwait(false);
        await _upload.PutFooterAsync(VhdFormat.CreateFixedFooter(Length, _options.Vhd), null, cancellationToken).ConfigureAwait(false);
        await _calls.RevokeAsync(DiskId, cancellationToken).ConfigureAwait(false);
        _isGranted = false;
        ManagedDiskData? disk = await _calls.FindDiskAsync(DiskId, cancellationToken).ConfigureAwait(false);
        if (disk?.DiskState is not { } state || state == DiskState.ReadyToUpload || state == DiskState.ActiveUpload)
        {
            throw new AzureDiskStateException($"{DiskId.Name} was uploaded and is {disk?.DiskState?.ToString() ?? "not there"}, where Unattached was expected: the service did not take it.");
        }

        _isComplete = true;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        SyncDoor.Wait(EndAsync());
        _upload.Dispose();
        base.Dispose(disposing);
    }

    private static async ValueTask<bool> CreateDiskAsync(ManagedDiskCalls calls, ResourceIdentifier id, long length, ManagedDiskWriterOptions options, CancellationToken cancellationToken)
    {
        long uploadLength = length + PageBlobConstants.PageSize;
        ManagedDiskData? existing = await calls.FindDiskAsync(id, cancellationToken).ConfigureAwait(false);
        if (existing is not null)
        {
            bool isWaiting = existing.DiskState == DiskState.ReadyToUpload || existing.DiskState == DiskState.ActiveUpload;
            return options.TakesExisting && isWaiting && existing.CreationData?.UploadSizeBytes == uploadLength
                ? false
                : throw new AzureDiskStateException($"{id.Name} exists already ({existing.DiskState}, upload of {existing.CreationData?.UploadSizeBytes ?? 0} bytes) and is not overwritten. Delete it, take another name, or, where it waits for an upload of {uploadLength} bytes, ask to take it.");
        }

        ManagedDiskData data = new(new AzureLocation(options.Location))
        {
            CreationData = new DiskCreationData(DiskCreateOption.Upload) { UploadSizeBytes = uploadLength },
            HyperVGeneration = options.HyperVGeneration is { } generation ? new HyperVGeneration(generation) : default(HyperVGeneration?),
            OSType = options.OperatingSystem switch { "Linux" => SupportedOperatingSystemType.Linux, "Windows" => SupportedOperatingSystemType.Windows, _ => null },
        };
        if (options.Sku is not null)
        {
            data.Sku = new DiskSku { Name = new DiskStorageAccountType(options.Sku) };
        }

        foreach (string zone in options.Zones)
        {
            data.Zones.Add(zone);
        }

        foreach ((string name, string value) in options.Tags)
        {
            data.Tags[name] = value;
        }

        await calls.CreateDiskAsync(id, data, cancellationToken).ConfigureAwait(false);
        return true;
    }

    // Both are tried whatever comes of the first: a signed address must not live on, and an empty disk costs.
    private static async ValueTask CleanAsync(ManagedDiskCalls calls, ResourceIdentifier id, bool isGranted, bool deletes)
    {
        try
        {
            if (isGranted)
            {
                await calls.RevokeAsync(id, CancellationToken.None).ConfigureAwait(false);
            }
        }
        catch (AzureDiskException)
        {
            // A disk without a footer is no disk yet, which the service says here; the access is ended all the same.
        }

        try
        {
            if (deletes)
            {
                await calls.DeleteDiskAsync(id, CancellationToken.None).ConfigureAwait(false);
            }
        }
        catch (AzureDiskException)
        {
            // It stays, waits for an upload, and is not usable by a machine.
        }
    }

    private async ValueTask EndAsync()
    {
        bool isGranted = _isGranted;
        bool deletes = !_isComplete && _isCreated && _options.DeletesIncomplete;
        _isGranted = false;
        _isComplete = true;
        await CleanAsync(_calls, DiskId, isGranted, deletes).ConfigureAwait(false);
    }
}
