using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Formats.Vhd;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Azure.Disks;

/// <summary>A new page blob, written by pages: a fixed VHD made on the fly, or the disk alone.</summary>
/// <remarks>
/// <para>Pages of zeros are not sent, and take no room. Up to 4 MiB go in a request, each with its MD5, which the service checks. The blob is
/// marked as unfinished in its metadata from its creation on; completion writes the footer, then the mark that it is complete, and
/// only while no other writer has taken the blob over; what this one still sends then is refused. A blob that exists is never overwritten.</para>
/// <para>With <see cref="PageBlobWriterOptions.Resume"/>, an upload that broke off goes on: give the same parameters and write the same
/// content again; what is there already is not sent again, and what earlier runs wrote and this one does not is cleared. Otherwise disposal
/// without completion deletes the blob.</para>
/// <para>Disjoint ranges may be written from several threads at once. The synchronous door waits for the asynchronous one.</para>
/// </remarks>
public sealed class PageBlobWriter : DiskWriter
{
    private const int MaxAttempts = 5;

    private readonly PageBlobClient _client;
    private readonly PageBlobWriterOptions _options;
    private readonly PageBlobMarker _marker;
    private readonly PageUpload _upload;
    private readonly string _name;
    private bool _isPublished;

    private PageBlobWriter(PageBlobClient client, PageBlobWriterOptions options, PageBlobMarker marker, IReadOnlyList<(long Start, long End)> earlier)
    {
        _client = client;
        _options = options;
        _marker = marker;
        _name = PageBlobConstants.Name(client.Uri);
        IsResumed = earlier.Count > 0;
        _upload = new PageUpload(client, marker.Length, earlier, options.Resume == PageBlobResume.Trust ? PageUploadKind.Trust : PageUploadKind.Verify, true, marker.Fence, options.MaxConcurrentRequests);
    }

    /// <summary>Length of the disk in bytes: what was asked for, rounded up to whole MiB in a VHD, else to whole pages.</summary>
    public override long Length => _marker.Length;

    /// <inheritdoc/>
    /// <value>4 MiB.</value>
    public override int PreferredBlockSize => PageBlobConstants.MaxTransferLength;

    /// <summary>Whether pages of an earlier upload were there.</summary>
    public bool IsResumed { get; }

    /// <summary>How many bytes of pages were sent so far.</summary>
    public long SentByteCount => _upload.SentByteCount;

    /// <summary>How many bytes of pages an earlier run had sent already.</summary>
    public long KeptByteCount => _upload.KeptByteCount;

    /// <summary>Begins a blob, or goes on with one that an earlier writer did not complete.</summary>
    /// <param name="client">The blob: of <see cref="PageBlobClients"/>, or any other client for it.</param>
    /// <param name="length">Length of the disk in bytes.</param>
    /// <param name="options">What the blob holds, and what becomes of it when it is not completed.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The writer, which the caller owns.</returns>
    /// <exception cref="AzureDiskStateException">The blob exists, and is no unfinished upload that this one may go on with.</exception>
    /// <exception cref="AzureDiskException">The blob cannot be begun.</exception>
    /// <exception cref="ArgumentException">The disk is too long for a page blob, the name does not suit the layout, or an option is out of range.</exception>
    public static async Task<PageBlobWriter> CreateAsync(PageBlobClient client, long length, PageBlobWriterOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        options.Validate();
        bool isVhd = options.Layout == PageBlobLayout.FixedVhd;
        if (isVhd && !client.Name.EndsWith(".vhd", StringComparison.OrdinalIgnoreCase))
        {
            throw new ArgumentException($"The blob's name, {client.Name}, does not end in .vhd, which Azure asks of a disk.", nameof(client));
        }

        int footerLength = isVhd ? PageBlobConstants.PageSize : 0;
        if (length > PageBlobConstants.MaxBlobLength - PageBlobConstants.DiskAlignment - footerLength)
        {
            throw new ArgumentOutOfRangeException(nameof(length), length, "A page blob has at most 8 TiB. A managed disk has room for 32 TiB.");
        }

        PageBlobMarker marker = new()
        {
            Run = Guid.NewGuid().ToString("N"),
            Layout = options.Layout,
            Length = PageBlobConstants.RoundUp(length, isVhd ? PageBlobConstants.DiskAlignment : PageBlobConstants.PageSize),
            ContentId = options.ContentId,
        };
        IReadOnlyList<(long, long)> earlier = await BeginAsync(client, marker, marker.Length + footerLength, options, cancellationToken).ConfigureAwait(false);
        return new PageBlobWriter(client, options, marker, earlier);
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await DeleteUnlessPublishedAsync().ConfigureAwait(false);
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
        byte[]? footer = _options.Layout == PageBlobLayout.FixedVhd ? VhdFormat.CreateFixedFooter(Length, _options.Vhd) : null;
        await AzureDiskFaults.RunAsync(
            $"Completing {_name}",
            async () =>
            {
                // Where an answer is lost, the repeated call finds another state than its condition names: then it is looked at anew.
                for (int attempt = 1; !await TryPublishAsync(footer, attempt == MaxAttempts, cancellationToken).ConfigureAwait(false); attempt++)
                {
                }

                return true;
            },
            cancellationToken).ConfigureAwait(false);
        _isPublished = true;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!_isPublished)
        {
            SyncDoor.Wait(DeleteUnlessPublishedAsync());
        }

        _upload.Dispose();
        base.Dispose(disposing);
    }

    private static async ValueTask<IReadOnlyList<(long Start, long End)>> BeginAsync(
        PageBlobClient client, PageBlobMarker marker, long blobLength, PageBlobWriterOptions options, CancellationToken cancellationToken)
    {
        string name = PageBlobConstants.Name(client.Uri);
        Dictionary<string, string> metadata = marker.ToMetadata(options.Metadata, false);
        return await AzureDiskFaults.RunAsync($"Beginning {name}", BeginAsync, cancellationToken).ConfigureAwait(false);

        async ValueTask<IReadOnlyList<(long Start, long End)>> BeginAsync()
        {
            for (int attempt = 1; ; attempt++)
            {
                try
                {
                    await client.CreateAsync(blobLength, new PageBlobCreateOptions { SequenceNumber = marker.Fence, Metadata = metadata, Conditions = new PageBlobRequestConditions { IfNoneMatch = ETag.All } }, cancellationToken).ConfigureAwait(false);
                    return [];
                }
                catch (RequestFailedException exception) when (exception.Status is 409 or 412 && (exception.ErrorCode is "BlobAlreadyExists" or "ConditionNotMet" or "TargetConditionNotMet") && attempt < MaxAttempts)
                {
                    if (await TakeOverAsync(client, name, marker, metadata, blobLength, options.Resume, cancellationToken).ConfigureAwait(false))
                    {
                        return await new PageRangeReader(client, blobLength, null).ReadUntilAsync(marker.Length, cancellationToken).ConfigureAwait(false);
                    }
                }
            }
        }
    }

    /// <summary>Puts the mark of this run on an unfinished upload. False: it changed or went away meanwhile.</summary>
    private static async ValueTask<bool> TakeOverAsync(
        PageBlobClient client, string name, PageBlobMarker marker, Dictionary<string, string> metadata, long blobLength, PageBlobResume resume, CancellationToken cancellationToken)
    {
        try
        {
            BlobProperties properties = await client.GetPropertiesAsync(null, cancellationToken).ConfigureAwait(false);
            PageBlobMarker? found = properties.BlobType == BlobType.Page ? PageBlobMarker.Read(properties.Metadata) : null;
            if (found is not { IsComplete: false })
            {
                throw new AzureDiskStateException($"{name} exists already, and is never overwritten. Delete it, or take another name.");
            }

            if (found.Run == marker.Run && properties.BlobSequenceNumber == marker.Fence)
            {
                return true;
            }

            ETag tag = properties.ETag;
            if (found.Run != marker.Run)
            {
                ThrowIfOther(name, found, marker, properties.ContentLength != blobLength, resume);
                tag = (await client.SetMetadataAsync(metadata, new BlobRequestConditions { IfMatch = tag }, cancellationToken).ConfigureAwait(false)).Value.ETag;
            }

            // From here on, the service refuses what the writer before this one still sends.
            await client.UpdateSequenceNumberAsync(SequenceNumberAction.Update, marker.Fence, new PageBlobRequestConditions { IfMatch = tag }, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (RequestFailedException exception) when (exception.Status is 404 or 412)
        {
            return false;
        }
    }

    private static void ThrowIfOther(string name, PageBlobMarker found, PageBlobMarker marker, bool isOtherLength, PageBlobResume resume)
    {
        if (resume == PageBlobResume.None || !found.IsSameUpload(marker) || isOtherLength)
        {
            throw new AzureDiskStateException(
                $"{name} is an unfinished upload of {Describe(found)}, and one of {Describe(marker)} was to {(resume == PageBlobResume.None ? "begin" : "go on")}. Go on with the same content, or delete it when nobody writes to it.");
        }

        static string Describe(PageBlobMarker upload) => $"{upload.Length} bytes ({upload.Layout}{(upload.ContentId is null ? string.Empty : $", {upload.ContentId}")})";
    }

    /// <summary>Writes the footer and the mark, each on the condition that nothing else has changed since this run was seen to own the blob. False: something has.</summary>
    private async ValueTask<bool> TryPublishAsync(byte[]? footer, bool isLast, CancellationToken cancellationToken)
    {
        BlobProperties properties = await _client.GetPropertiesAsync(null, cancellationToken).ConfigureAwait(false);
        PageBlobMarker? found = PageBlobMarker.Read(properties.Metadata);
        if (found?.Run != _marker.Run)
        {
            throw new AzureDiskChangedException($"{_name} was taken over by another writer, and is not completed by this one.");
        }

        if (found.IsComplete)
        {
            return true;
        }

        try
        {
            ETag tag = properties.ETag;
            if (footer is not null)
            {
                tag = await _upload.PutFooterAsync(footer, tag, cancellationToken).ConfigureAwait(false);
            }

            await _client.SetMetadataAsync(_marker.ToMetadata(_options.Metadata, true), new BlobRequestConditions { IfMatch = tag }, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (RequestFailedException exception) when (exception.Status == 412 && !isLast)
        {
            return false;
        }
    }

    // What cannot be deleted stays marked as unfinished, and is refused by those who read it.
    private async ValueTask DeleteUnlessPublishedAsync()
    {
        if (_isPublished || _options.Resume != PageBlobResume.None)
        {
            return;
        }

        _isPublished = true;
        try
        {
            BlobProperties properties = await _client.GetPropertiesAsync().ConfigureAwait(false);
            if (PageBlobMarker.Read(properties.Metadata) is { IsComplete: false } found && found.Run == _marker.Run)
            {
                await _client.DeleteAsync(DeleteSnapshotsOption.None, new BlobRequestConditions { IfMatch = properties.ETag }).ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (AzureDiskFaults.IsFault(exception, CancellationToken.None))
        {
        }
    }
}
