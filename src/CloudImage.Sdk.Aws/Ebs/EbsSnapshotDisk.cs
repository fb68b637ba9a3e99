using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>A completed EBS snapshot, read block by block over EBS direct: every block is held against its SHA-256.</summary>
/// <remarks>
/// <para>Blocks that the snapshot does not list read as zeros, and cost nothing. The list is read as it is needed, a page of up to
/// 10,000 blocks (5 GiB of data) at a time; tokens that have expired are listed again. Large reads fetch their blocks side by side, into the caller's
/// buffer; parts of blocks go through a cache.</para>
/// <para>Thread-safe. Reading costs money by the block (512 KiB); see <see cref="EbsDirectClient.RequestCounts"/>. The client is not owned.
/// The synchronous door waits for the asynchronous one.</para>
/// </remarks>
public sealed class EbsSnapshotDisk : VirtualDisk
{
    private readonly EbsDirectClient _client;
    private readonly EbsBlockIndex _index;
    private readonly EbsBlockCache _cache;
    private readonly EbsSnapshotDiskOptions _options;
    private readonly CancellationTokenSource _lifetime;
    private readonly Lock _lock = new();
    private int _expectedBlock = -1;
    private int _readAhead;

    private EbsSnapshotDisk(EbsDirectClient client, string snapshotId, EbsBlockIndex index, EbsSnapshotDiskOptions options, CancellationTokenSource lifetime)
    {
        _client = client;
        _index = index;
        _options = options;
        _lifetime = lifetime;
        SnapshotId = snapshotId;
        VolumeLength = (long)index.BlockCount * EbsConstants.BlockSize;
        Length = options.Length ?? VolumeLength;
        int cachedBlocks = (int)Math.Clamp(options.CacheLength / EbsConstants.BlockSize, options.MaxReadAhead + 2L, 1 << 16);
        _cache = new EbsBlockCache(FetchAsync, cachedBlocks, lifetime.Token);
        Info = new DiskInfo
        {
            FormatName = "raw",
            Variant = "ebs",
            VirtualSize = Length,
            AllocationUnitSize = EbsConstants.BlockSize,
            Details = new Dictionary<string, string>(StringComparer.Ordinal) { ["snapshot"] = snapshotId, ["region"] = client.Region },
        };
    }

    /// <inheritdoc/>
    public override DiskInfo Info { get; }

    /// <inheritdoc/>
    public override long Length { get; }

    /// <summary>Id of the snapshot.</summary>
    public string SnapshotId { get; }

    /// <summary>Length of the volume in bytes: whole GiB.</summary>
    public long VolumeLength { get; }

    /// <summary>Opens a snapshot, by listing its first blocks.</summary>
    /// <param name="client">What asks; not owned.</param>
    /// <param name="snapshotId">Id of a completed snapshot.</param>
    /// <param name="options">Length and caches.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The disk, which the caller owns.</returns>
    /// <exception cref="EbsException">The snapshot cannot be listed: it does not exist, is not completed, or may not be read.</exception>
    /// <exception cref="ArgumentException">The id is none, or an option is out of range, such as a length beyond the volume.</exception>
    public static async Task<EbsSnapshotDisk> OpenAsync(EbsDirectClient client, string snapshotId, EbsSnapshotDiskOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(options);
        EbsConstants.ThrowIfNoSnapshotId(snapshotId, nameof(snapshotId));
        options.Validate();
        CancellationTokenSource lifetime = new();
        try
        {
            EbsBlockIndex index = await EbsBlockIndex.OpenAsync(client, snapshotId, options.MaxCachedPages, lifetime.Token, cancellationToken).ConfigureAwait(false);
            long volumeLength = (long)index.BlockCount * EbsConstants.BlockSize;
            return options.Length > volumeLength
                ? throw new ArgumentException($"The volume of {snapshotId} has {volumeLength} bytes, and a length of {options.Length} was asked for.", nameof(options))
                : new EbsSnapshotDisk(client, snapshotId, index, options, lifetime);
        }
        catch
        {
            lifetime.Dispose();
            throw;
        }
    }

    /// <summary>Lists where two snapshots of one volume differ, as a change map for a capture or a copy: by lists alone, without reading a block.</summary>
    /// <param name="client">What asks.</param>
    /// <param name="firstSnapshotId">The older snapshot.</param>
    /// <param name="secondSnapshotId">The newer snapshot.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The blocks that were written (data) and those that are gone (zero), joined, within the newer volume; a gap is unchanged. A block that was written with what it held already counts as written.</returns>
    /// <exception cref="EbsUnrelatedSnapshotsException">The snapshots are not of one volume.</exception>
    /// <exception cref="EbsException">A snapshot cannot be listed.</exception>
    /// <exception cref="ArgumentException">An id is none.</exception>
    public static async Task<BlockMap> GetChangesAsync(EbsDirectClient client, string firstSnapshotId, string secondSnapshotId, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        EbsConstants.ThrowIfNoSnapshotId(firstSnapshotId, nameof(firstSnapshotId));
        EbsConstants.ThrowIfNoSnapshotId(secondSnapshotId, nameof(secondSnapshotId));
        List<DiskExtent> extents = [];
        string? token = null;
        int last = -1;
        int emptyPages = 0;
        do
        {
            EbsChangedPage page = await client.ListChangesAsync(firstSnapshotId, secondSnapshotId, token, EbsConstants.MaxPageLength, cancellationToken).ConfigureAwait(false);
            foreach ((int index, bool isInSecond) in page.Blocks)
            {
                last = index > last
                    ? index
                    : throw new EbsException($"The list of the changes from {firstSnapshotId} to {secondSnapshotId} goes back from block {last} to {index}. The endpoint may not be EBS direct.");
                if (index < page.VolumeSize * EbsConstants.BlocksPerGiB)
                {
                    Append(extents, (long)index * EbsConstants.BlockSize, isInSecond ? DiskExtentKind.Data : DiskExtentKind.Zero);
                }
            }

            token = page.NextToken;
            emptyPages = page.Blocks.Count == 0 ? emptyPages + 1 : 0;
        }
        while (token is not null && emptyPages <= EbsConstants.MaxEmptyPages);

        return token is null
            ? new BlockMap(extents)
            : throw new EbsException($"The list of the changes from {firstSnapshotId} to {secondSnapshotId} goes on without blocks after {EbsConstants.MaxEmptyPages} pages. The endpoint may not be EBS direct.");
    }

    /// <summary>Whether the snapshot holds a block.</summary>
    internal async ValueTask<bool> HasBlockAsync(int block, CancellationToken cancellationToken) =>
        block < _index.BlockCount && (await _index.FindAsync(block, block + 1, cancellationToken).ConfigureAwait(false)).IsPresent;

    /// <inheritdoc/>
    protected override async ValueTask<int> ReadCoreAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        int first = (int)(offset / EbsConstants.BlockSize);
        int last = (int)((offset + buffer.Length - 1) / EbsConstants.BlockSize);
        if (first == last)
        {
            await ReadPartAsync(first, buffer, offset, cancellationToken).ConfigureAwait(false);
            return buffer.Length;
        }

        int next = first - 1;
        Task[] readers = new Task[Math.Min(last - first + 1, _client.MaxConcurrentRequests)];
        for (int reader = 0; reader < readers.Length; reader++)
        {
            readers[reader] = ReadBlocksAsync();
        }

        await Task.WhenAll(readers).ConfigureAwait(false);
        return buffer.Length;

        async Task ReadBlocksAsync()
        {
            int block;
            while ((block = Interlocked.Increment(ref next)) <= last)
            {
                await ReadPartAsync(block, buffer, offset, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        int block = (int)(offset / EbsConstants.BlockSize);
        int limit = (int)((offset + length + EbsConstants.BlockSize - 1) / EbsConstants.BlockSize);
        (bool isPresent, int end) = await _index.FindAsync(block, limit, cancellationToken).ConfigureAwait(false);
        long found = Math.Min(length, ((long)end * EbsConstants.BlockSize) - offset);
        return new DiskPlacement(offset, found, isPresent ? DiskExtentKind.Data : DiskExtentKind.Zero);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _lifetime.Cancel();
        _lifetime.Dispose();
        base.Dispose(disposing);
    }

    private static void Append(List<DiskExtent> extents, long offset, DiskExtentKind kind)
    {
        if (extents.Count > 0 && extents[^1] is var last && last.End == offset && last.Kind == kind)
        {
            extents[^1] = new DiskExtent(last.Offset, last.Length + EbsConstants.BlockSize, kind);
            return;
        }

        extents.Add(new DiskExtent(offset, EbsConstants.BlockSize, kind));
    }

    // The part of the range that lies in one block.
    private async ValueTask ReadPartAsync(int block, Memory<byte> buffer, long offset, CancellationToken cancellationToken)
    {
        long blockStart = (long)block * EbsConstants.BlockSize;
        long from = Math.Max(offset, blockStart);
        Memory<byte> part = buffer.Slice((int)(from - offset), (int)(Math.Min(offset + buffer.Length, blockStart + EbsConstants.BlockSize) - from));
        (bool isPresent, _) = await _index.FindAsync(block, block + 1, cancellationToken).ConfigureAwait(false);
        if (!isPresent)
        {
            part.Span.Clear();
        }
        else if (part.Length < EbsConstants.BlockSize)
        {
            ReadAhead(block);
            await _cache.ReadAsync(block, (int)(from - blockStart), part, cancellationToken).ConfigureAwait(false);
        }
        else if (!_cache.TryRead(block, part.Span))
        {
            await FetchAsync(block, part, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask FetchAsync(int block, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        for (int attempt = 1; ; attempt++)
        {
            string token = await _index.FindTokenAsync(block, cancellationToken).ConfigureAwait(false)
                ?? throw new EbsException($"Block {block} of {SnapshotId} was listed before and is not any more. The endpoint may not be EBS direct.");
            try
            {
                await _client.GetBlockAsync(SnapshotId, block, token, buffer, cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (EbsException exception) when (exception.Reason == "INVALID_BLOCK_TOKEN" && attempt == 1)
            {
                _index.ForgetTokens(block);
            }
        }
    }

    // A reader of parts that takes the block after its last one gets twice as much read ahead as before, up to the limit.
    private void ReadAhead(int block)
    {
        int ahead;
        lock (_lock)
        {
            if (block == _expectedBlock - 1)
            {
                return;
            }

            _readAhead = block == _expectedBlock ? Math.Min(_options.MaxReadAhead, Math.Max(1, 2 * _readAhead)) : 0;
            _expectedBlock = block + 1;
            ahead = _readAhead;
        }

        if (ahead > 0)
        {
            Prefetch(block + 1, Math.Min(_index.BlockCount, block + 1 + ahead));
        }
    }

    private void Prefetch(int block, int end)
    {
        for (; block < end; block++)
        {
            // What is not known yet is not listed for this; the reader will ask for it itself.
            if (_index.IsKnownPresent(block))
            {
                _cache.Prefetch(block);
            }
        }
    }
}
