using System;
using System.Threading;
using System.Threading.Tasks;
using Azure.Core;
using Azure.ResourceManager;
using Azure.ResourceManager.Compute.Models;
using Azure.Storage.Blobs.Specialized;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Azure.Disks;

/// <summary>A managed snapshot, or a managed disk that is not attached, read over a signed address that is given out at open and taken back at disposal.</summary>
/// <remarks>
/// <para>This is the container, a fixed VHD: <c>DiskImage.OpenAsync(disk, ...)</c> opens the disk in it.</para>
/// <para>Taking back ends every signed address of the same snapshot: two readers of one snapshot share one open disk. Five snapshots
/// of one disk can be open at once. When taking back fails, the address ends after <see cref="ManagedDiskReadOptions.AccessDuration"/>.</para>
/// <para>Thread-safe. The client is not owned. The synchronous door waits for the asynchronous one.</para>
/// </remarks>
public sealed class ManagedSnapshotDisk : VirtualDisk
{
    private readonly ManagedDiskCalls _calls;
    private readonly PageBlobDisk _disk;
    private bool _isRevoked;

    private ManagedSnapshotDisk(ManagedDiskCalls calls, ResourceIdentifier id, PageBlobDisk disk)
    {
        _calls = calls;
        _disk = disk;
        SnapshotId = id;
    }

    /// <inheritdoc/>
    public override DiskInfo Info => _disk.Info;

    /// <inheritdoc/>
    public override long Length => _disk.Length;

    /// <summary>Id of the snapshot or disk.</summary>
    public ResourceIdentifier SnapshotId { get; }

    /// <summary>Opens a snapshot, or a disk that is not attached.</summary>
    /// <param name="client">The resource manager; not owned, and used until the disk is disposed.</param>
    /// <param name="snapshotId">Id of the snapshot: <c>/subscriptions/S/resourceGroups/G/providers/Microsoft.Compute/snapshots/NAME</c>.</param>
    /// <param name="options">How to read.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The container, which the caller owns.</returns>
    /// <exception cref="AzureDiskException">There is no such snapshot, or no access to it is granted.</exception>
    /// <exception cref="ArgumentException">The id is none of a snapshot or disk, or an option is out of range.</exception>
    public static async Task<ManagedSnapshotDisk> OpenAsync(ArmClient client, ResourceIdentifier snapshotId, ManagedDiskReadOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        ManagedDiskCalls.ThrowIfNoDisk(snapshotId, nameof(snapshotId), true);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        ManagedDiskCalls calls = new(client, options.PollInterval);
        Uri address = await calls.GrantAsync(snapshotId, AccessLevel.Read, options.AccessDuration, cancellationToken).ConfigureAwait(false);
        try
        {
            return new ManagedSnapshotDisk(calls, snapshotId, await PageBlobDisk.OpenAsync(PageBlobClients.FromUri(address, options.Client), options.Disk, cancellationToken).ConfigureAwait(false));
        }
        catch
        {
            await TryRevokeAsync(calls, snapshotId).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Lists where two incremental snapshots of one disk differ, as a change map: by lists alone, without reading a page.</summary>
    /// <param name="client">The resource manager.</param>
    /// <param name="olderId">Id of the older snapshot.</param>
    /// <param name="newerId">Id of the newer snapshot.</param>
    /// <param name="options">How to ask.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The pages that were written (data) and those that were cleared (zero), joined, within the container; a gap is unchanged.</returns>
    /// <exception cref="AzureDiskChangedException">The snapshots are not of one disk.</exception>
    /// <exception cref="AzureDiskException">The differences cannot be listed.</exception>
    /// <exception cref="ArgumentException">An id is none of a snapshot, or an option is out of range.</exception>
    /// <remarks>Signed addresses of both snapshots are given out for the time of the call, and taken back.</remarks>
    public static async Task<BlockMap> GetChangesAsync(ArmClient client, ResourceIdentifier olderId, ResourceIdentifier newerId, ManagedDiskReadOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        ManagedDiskCalls.ThrowIfNoDisk(olderId, nameof(olderId), true);
        ManagedDiskCalls.ThrowIfNoDisk(newerId, nameof(newerId), true);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        ManagedDiskCalls calls = new(client, options.PollInterval);
        Uri older = await calls.GrantAsync(olderId, AccessLevel.Read, options.AccessDuration, cancellationToken).ConfigureAwait(false);
        try
        {
            Uri newer = await calls.GrantAsync(newerId, AccessLevel.Read, options.AccessDuration, cancellationToken).ConfigureAwait(false);
            try
            {
                PageBlobClient blob = PageBlobClients.FromUri(newer, options.Client);
                return await PageBlobDisk.GetManagedChangesAsync(blob, older, cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                await TryRevokeAsync(calls, newerId).ConfigureAwait(false);
            }
        }
        finally
        {
            await TryRevokeAsync(calls, olderId).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        if (!_isRevoked)
        {
            _isRevoked = true;
            await TryRevokeAsync(_calls, SnapshotId).ConfigureAwait(false);
        }

        await base.DisposeAsync().ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override ValueTask<int> ReadCoreAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken) =>
        _disk.ReadAsync(buffer, offset, cancellationToken);

    /// <inheritdoc/>
    protected override ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken) =>
        _disk.FindPlacementAsync(offset, length, cancellationToken);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!_isRevoked)
        {
            _isRevoked = true;
            SyncDoor.Wait(TryRevokeAsync(_calls, SnapshotId));
        }

        _disk.Dispose();
        base.Dispose(disposing);
    }

    // The reader has what it came for; an address that is not taken back ends by itself.
    private static async ValueTask TryRevokeAsync(ManagedDiskCalls calls, ResourceIdentifier id)
    {
        try
        {
            await calls.RevokeAsync(id, CancellationToken.None).ConfigureAwait(false);
        }
        catch (AzureDiskException)
        {
        }
    }
}
