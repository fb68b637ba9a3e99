using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Azure.Disks;

/// <summary>A page blob, or a snapshot of one, read by ranges: its pages are the extents, and what holds no pages is not read.</summary>
/// <remarks>
/// <para>This is the container: a VHD in it is opened with <c>DiskImage.OpenAsync(disk, ...)</c>, and keeps the extents.</para>
/// <para>All reads see one state. Of a blob that is written to meanwhile, the next read fails with
/// <see cref="AzureDiskChangedException"/>; a snapshot never changes. Ranges are listed as they are needed, and in smaller pieces where the
/// blob is too fragmented for one answer. Large reads fetch up to 4 MiB at a time, side by side; small ones are one request each.</para>
/// <para>Thread-safe. The synchronous door waits for the asynchronous one.</para>
/// </remarks>
public sealed class PageBlobDisk : VirtualDisk
{
    private readonly PageBlobClient _client;
    private readonly PageBlobDiskOptions _options;
    private readonly PageRangeIndex _index;
    private readonly string _name;
    private readonly ETag? _tag;

    private PageBlobDisk(PageBlobClient client, BlobProperties properties, PageBlobDiskOptions options, bool isImmutable)
    {
        _client = client;
        _options = options;
        _name = PageBlobConstants.Name(client.Uri);
        _tag = isImmutable ? null : properties.ETag;
        Length = properties.ContentLength;
        _index = new PageRangeIndex(new PageRangeReader(client, Length, _tag), Length, options.MaxCachedRangeLists);
        Snapshot = SnapshotOf(client.Uri);
        Dictionary<string, string> details = new(StringComparer.Ordinal) { ["blob"] = _name, ["etag"] = properties.ETag.ToString() };
        if (Snapshot is not null)
        {
            details["snapshot"] = Snapshot;
        }

        Info = new DiskInfo
        {
            FormatName = "raw",
            Variant = "page-blob",
            VirtualSize = Length,
            ContainerLength = Length,
            AllocationUnitSize = PageBlobConstants.PageSize,
            Details = details,
        };
    }

    /// <inheritdoc/>
    public override DiskInfo Info { get; }

    /// <inheritdoc/>
    public override long Length { get; }

    /// <summary>The snapshot that is read; null for the blob itself.</summary>
    public string? Snapshot { get; }

    /// <summary>Opens a page blob by a client for it, or for a snapshot of it.</summary>
    /// <param name="client">What asks: of <see cref="PageBlobClients"/>, or any other.</param>
    /// <param name="options">How to read.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The container, which the caller owns.</returns>
    /// <exception cref="AzureDiskNotFoundException">There is no such blob or snapshot.</exception>
    /// <exception cref="AzureDiskStateException">It is no page blob, or an upload that was not completed.</exception>
    /// <exception cref="AzureDiskException">It cannot be read.</exception>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public static async Task<PageBlobDisk> OpenAsync(PageBlobClient client, PageBlobDiskOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        string name = PageBlobConstants.Name(client.Uri);
        BlobProperties properties = await AzureDiskFaults.RunAsync(
            $"Opening {name}",
            async () => (await client.GetPropertiesAsync(null, cancellationToken).ConfigureAwait(false)).Value,
            cancellationToken).ConfigureAwait(false);
        if (properties.BlobType != BlobType.Page)
        {
            throw new AzureDiskStateException($"{name} is a {properties.BlobType} blob, and a page blob was expected. An image in a blob of another kind is read by its address, over HTTP.");
        }

        if (!options.AllowsUnfinished && PageBlobMarker.Read(properties.Metadata) is { IsComplete: false } marker)
        {
            throw new AzureDiskStateException($"{name} is an upload of {marker.Length} bytes that was not completed. Complete it by writing the same disk again, or delete it.");
        }

        return new PageBlobDisk(client, properties, options, SnapshotOf(client.Uri) is not null);
    }

    /// <summary>Opens a page blob by a client for blobs of any kind.</summary>
    /// <param name="client">What asks, for the blob or a snapshot of it.</param>
    /// <param name="options">How to read.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The container, which the caller owns.</returns>
    /// <exception cref="AzureDiskException">It cannot be read, or is no page blob.</exception>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public static Task<PageBlobDisk> OpenAsync(BlobBaseClient client, PageBlobDiskOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        PageBlobClient pages = client as PageBlobClient ?? client.GetParentBlobContainerClient().GetPageBlobClient(client.Name);
        string? snapshot = SnapshotOf(client.Uri);
        return OpenAsync(snapshot is null ? pages : pages.WithSnapshot(snapshot), options, cancellationToken);
    }

    /// <summary>Opens a page blob by its signed address.</summary>
    /// <param name="address">The address with its signature (SAS), and with <c>snapshot=</c> for a snapshot. The signature is kept out of messages.</param>
    /// <param name="options">How to read.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The container, which the caller owns.</returns>
    /// <exception cref="AzureDiskException">It cannot be read, or is no page blob.</exception>
    /// <exception cref="ArgumentException">The address names no blob, or an option is out of range.</exception>
    public static Task<PageBlobDisk> OpenAsync(Uri address, PageBlobDiskOptions options, CancellationToken cancellationToken = default) =>
        OpenAsync(PageBlobClients.FromUri(address, PageBlobClientOptions.Default), options, cancellationToken);

    /// <summary>Lists where a blob, or a snapshot of it, differs from an older snapshot of the same blob, as a change map: without reading a page.</summary>
    /// <param name="client">The newer state: the blob, or a snapshot of it.</param>
    /// <param name="olderSnapshot">The older snapshot: its time, as in <c>snapshot=</c>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The pages that were written (data) and those that were cleared (zero), joined; a gap is unchanged. A page that was written with what it held already counts as written.</returns>
    /// <exception cref="AzureDiskChangedException">The snapshots are not of one blob's life, or the blob changed meanwhile.</exception>
    /// <exception cref="AzureDiskException">The differences cannot be listed.</exception>
    public static async Task<BlockMap> GetChangesAsync(PageBlobClient client, string olderSnapshot, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentException.ThrowIfNullOrEmpty(olderSnapshot);
        using PageBlobDisk newer = await OpenAsync(client, new PageBlobDiskOptions { AllowsUnfinished = true }, cancellationToken).ConfigureAwait(false);
        return await ToMapAsync(new PageRangeReader(client, newer.Length, newer._tag, olderSnapshot), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Lists where a managed snapshot differs from an older one of the same disk, as a change map: without reading a page.</summary>
    /// <param name="client">The newer snapshot, by the signed address that its grant gave.</param>
    /// <param name="olderAddress">The older snapshot's signed address.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The pages that were written (data) and those that were cleared (zero), joined; a gap is unchanged.</returns>
    /// <exception cref="AzureDiskException">The differences cannot be listed.</exception>
    public static async Task<BlockMap> GetManagedChangesAsync(PageBlobClient client, Uri olderAddress, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(olderAddress);
        using PageBlobDisk newer = await OpenAsync(client, PageBlobDiskOptions.Default, cancellationToken).ConfigureAwait(false);
        return await ToMapAsync(new PageRangeReader(client, newer.Length, null, null, olderAddress), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override async ValueTask<int> ReadCoreAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        if (buffer.Length <= PageBlobConstants.MaxTransferLength)
        {
            await ReadPieceAsync(buffer, offset, cancellationToken).ConfigureAwait(false);
            return buffer.Length;
        }

        int pieceCount = (int)(((long)buffer.Length + PageBlobConstants.MaxTransferLength - 1) / PageBlobConstants.MaxTransferLength);
        int next = -1;
        Task[] readers = new Task[Math.Min(pieceCount, _options.MaxConcurrentRequests)];
        for (int reader = 0; reader < readers.Length; reader++)
        {
            readers[reader] = ReadPiecesAsync();
        }

        await Task.WhenAll(readers).ConfigureAwait(false);
        return buffer.Length;

        async Task ReadPiecesAsync()
        {
            int piece;
            while ((piece = Interlocked.Increment(ref next)) < pieceCount)
            {
                int start = piece * PageBlobConstants.MaxTransferLength;
                int count = Math.Min(PageBlobConstants.MaxTransferLength, buffer.Length - start);
                await ReadPieceAsync(buffer.Slice(start, count), offset + start, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <inheritdoc/>
    protected override ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken) =>
        FindPlacementAsync(offset, length, cancellationToken);

    /// <summary>Finds the placement that begins at a position within the blob.</summary>
    internal async ValueTask<DiskPlacement> FindPlacementAsync(long offset, long length, CancellationToken cancellationToken)
    {
        (bool isData, long end) = await _index.FindAsync(offset, offset + length, cancellationToken).ConfigureAwait(false);
        return new DiskPlacement(offset, end - offset, isData ? DiskExtentKind.Data : DiskExtentKind.Zero, isData ? offset : -1);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _index.Dispose();
        base.Dispose(disposing);
    }

    private static async Task<BlockMap> ToMapAsync(PageRangeReader reader, CancellationToken cancellationToken)
    {
        List<DiskExtent> extents = [];
        await foreach (PageRange range in reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            DiskExtentKind kind = range.IsClear ? DiskExtentKind.Zero : DiskExtentKind.Data;
            long start = range.Start;
            if (extents.Count > 0 && extents[^1] is var last && last.End == start && last.Kind == kind)
            {
                start = last.Offset;
                extents.RemoveAt(extents.Count - 1);
            }

            extents.Add(new DiskExtent(start, range.End - start, kind));
        }

        return new BlockMap(extents);
    }

    // What holds pages is fetched, with short gaps in one go; the rest is zeros.
    private async ValueTask ReadPieceAsync(Memory<byte> buffer, long offset, CancellationToken cancellationToken)
    {
        long end = offset + buffer.Length;
        long fetchStart = -1;
        long fetchEnd = offset;
        for (long position = offset; position < end;)
        {
            (bool isData, long stop) = await _index.FindAsync(position, end, cancellationToken).ConfigureAwait(false);
            if (isData)
            {
                fetchStart = fetchStart < 0 ? position : fetchStart;
                fetchEnd = stop;
            }
            else if (fetchStart >= 0 && stop - fetchEnd >= PageBlobConstants.MinGapLength)
            {
                await FetchAsync(fetchStart, fetchEnd).ConfigureAwait(false);
                fetchStart = -1;
            }

            if (fetchStart < 0)
            {
                buffer[(int)(fetchEnd - offset)..(int)(stop - offset)].Span.Clear();
                fetchEnd = stop;
            }

            position = stop;
        }

        if (fetchStart >= 0)
        {
            await FetchAsync(fetchStart, fetchEnd).ConfigureAwait(false);
            buffer[(int)(fetchEnd - offset)..].Span.Clear();
        }

        ValueTask FetchAsync(long from, long to) =>
            PageBlobReading.ReadAsync(_client, _name, _tag, _options.VerifiesChecksums, buffer[(int)(from - offset)..(int)(to - offset)], from, cancellationToken);
    }

    private static string? SnapshotOf(Uri address)
    {
        string snapshot = new BlobUriBuilder(address).Snapshot;
        return string.IsNullOrEmpty(snapshot) ? null : snapshot;
    }
}
