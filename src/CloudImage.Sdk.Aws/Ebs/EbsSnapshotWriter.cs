using System;
using System.Buffers;
using System.Collections.Generic;
using System.IO;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Aws.Ebs;

/// <summary>A new EBS snapshot, written block by block over EBS direct: full, or as an increment of another one.</summary>
/// <remarks>
/// <para>Blocks of zeros are not sent, unless a parent or an earlier write shows something else there. What is written in parts is held
/// until its block is whole, or until completion, which fills gaps with zeros or with what the parent has. A block that was sent can be written
/// again as a whole, not in part: a pending snapshot cannot be read.</para>
/// <para>Over a parent, what is not written is the parent's: copy with <see cref="Parent"/> in <see cref="DiskCopyOptions.Parent"/>, or with
/// <see cref="WriteChangesAsync"/>. A copy with neither leaves zeros out, where the parent then shows.</para>
/// <para>With a journal, an upload that broke off goes on: give the same parameters and write the same content again; what was acknowledged is
/// hashed, found equal and not sent. The snapshot is what this run writes, whatever an earlier one has sent. Completion holds the service to the
/// digests of all blocks.</para>
/// <para>Disposal without completion leaves the pending snapshot to the service, which drops it after
/// <see cref="EbsSnapshotWriterOptions.Timeout"/>; nothing of it can be seen or used. Disjoint ranges may be written from several threads at once.
/// The client is not owned. The synchronous door waits for the asynchronous one.</para>
/// </remarks>
public sealed partial class EbsSnapshotWriter : DiskWriter
{
    private static readonly ReadOnlyMemory<byte> s_zeros = new byte[EbsConstants.BlockSize];
    private static readonly ContentDigest s_zeroDigest = new(SHA256.HashData(s_zeros.Span));

    private readonly EbsDirectClient _client;
    private readonly EbsSnapshotWriterOptions _options;
    private readonly EbsLedger _ledger;
    private readonly EbsPartialBlocks _partials;
    private readonly EbsSnapshotDisk? _parent;
    private readonly BlockBits _touched;
    private readonly int _blockCount;
    private readonly long _mayBeUnknownUntil;
    private long _sentBlocks;
    private long _keptBlocks;

    private EbsSnapshotWriter(EbsDirectClient client, int volumeSize, EbsSnapshotWriterOptions options, EbsLedger ledger, EbsSnapshotDisk? parent)
    {
        _client = client;
        _options = options;
        _ledger = ledger;
        _parent = parent;
        _blockCount = volumeSize * EbsConstants.BlocksPerGiB;
        _touched = new BlockBits(_blockCount);
        _mayBeUnknownUntil = client.AppearanceDeadline;
        _partials = new EbsPartialBlocks(options.MaxPartialBlocks, options.JournalPath is { } path ? Path.GetDirectoryName(Path.GetFullPath(path))! : Path.GetTempPath());
        Length = (long)_blockCount * EbsConstants.BlockSize;
    }

    /// <summary>Length of the volume in bytes: what was asked for, rounded up to whole GiB.</summary>
    public override long Length { get; }

    /// <inheritdoc/>
    /// <value>512 KiB.</value>
    public override int PreferredBlockSize => EbsConstants.BlockSize;

    /// <summary>Id of the snapshot, which is pending until the writer is completed.</summary>
    public string SnapshotId => _ledger.SnapshotId!;

    /// <summary>What the parent holds, for <see cref="DiskCopyOptions.Parent"/>; null without a parent. Belongs to the writer.</summary>
    public VirtualDisk? Parent => _parent;

    /// <summary>How many blocks were sent so far.</summary>
    public long SentBlockCount => Interlocked.Read(ref _sentBlocks);

    /// <summary>How many blocks an earlier run had sent already, with the same content.</summary>
    public long KeptBlockCount => Interlocked.Read(ref _keptBlocks);

    /// <summary>Begins a snapshot, or goes on with one that a journal names.</summary>
    /// <param name="client">What asks; not owned.</param>
    /// <param name="length">Length of the content in bytes; the volume has as many whole GiB as hold it.</param>
    /// <param name="options">What it is like.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The writer, which the caller owns.</returns>
    /// <exception cref="EbsException">The snapshot cannot be begun, or its parent cannot be listed.</exception>
    /// <exception cref="EbsJournalException">The journal is damaged, in use, or that of another upload.</exception>
    /// <exception cref="ArgumentException">The length is not that of a volume (up to 64 TiB), or an option is out of range.</exception>
    public static async Task<EbsSnapshotWriter> CreateAsync(EbsDirectClient client, long length, EbsSnapshotWriterOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, (long)EbsConstants.MaxVolumeSizeInGiB << 30);
        options.Validate();
        int volumeSize = (int)Math.Max(1, (length + (1L << 30) - 1) >> 30);
        EbsLedger? ledger = null;
        EbsSnapshotDisk? parent = null;
        try
        {
            if (options.ParentSnapshotId is { } parentId)
            {
                parent = await EbsSnapshotDisk.OpenAsync(client, parentId, EbsSnapshotDiskOptions.Default, cancellationToken).ConfigureAwait(false);
                if (parent.VolumeLength > (long)volumeSize << 30)
                {
                    throw new ArgumentException($"The volume of the parent {parentId} has {parent.VolumeLength >> 30} GiB, and {volumeSize} GiB was asked for: a volume does not shrink.", nameof(length));
                }
            }

            ledger = options.JournalPath is { } path
                ? EbsJournal.Open(path, volumeSize, options.ParentSnapshotId, client.Region)
                : new EbsMemoryLedger(volumeSize * EbsConstants.BlocksPerGiB) { ClientToken = Guid.NewGuid().ToString("N") };
            if (ledger.SnapshotId is null)
            {
                ledger.Start(await client.StartSnapshotAsync(StartRequest(volumeSize, options, ledger.ClientToken), cancellationToken).ConfigureAwait(false));
            }

            return new EbsSnapshotWriter(client, volumeSize, options, ledger, parent);
        }
        catch
        {
            ledger?.Dispose();
            parent?.Dispose();
            throw;
        }
    }

    /// <summary>Writes what a change map touches, in whole blocks: the way of an increment whose changes are known, without reading the parent.</summary>
    /// <param name="newer">The newer state.</param>
    /// <param name="changes">Where it may differ from the parent, whatever the kinds say; a gap is unchanged.</param>
    /// <param name="options">How to copy; without a parent, which is this writer's.</param>
    /// <param name="progress">Takes reports, from any thread, one at a time; null for none.</param>
    /// <param name="cancellationToken">Ends the copy between two pieces.</param>
    /// <returns>A task that ends when everything is written, though not completed.</returns>
    /// <exception cref="ArgumentException">The disk is longer than the volume, or the options name a parent.</exception>
    public async Task WriteChangesAsync(VirtualDisk newer, BlockMap changes, DiskCopyOptions options, IProgress<DiskProgress>? progress, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(newer);
        ArgumentNullException.ThrowIfNull(changes);
        ArgumentNullException.ThrowIfNull(options);
        if (options.Parent is not null)
        {
            throw new ArgumentException("With a change map no parent is read.", nameof(options));
        }

        using ChangedBlocksDisk disk = new(newer, changes);
        DiskCopyOptions own = new() { WorkerCount = options.WorkerCount, TimeProvider = options.TimeProvider, DetectZeroes = false };
        await DiskCopier.CopyAsync(disk, this, own, progress, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override async ValueTask WriteCoreAsync(ReadOnlyMemory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        int block = (int)(offset / EbsConstants.BlockSize);
        int start = (int)(offset % EbsConstants.BlockSize);
        if (start > 0 || buffer.Length < EbsConstants.BlockSize)
        {
            int count = Math.Min(buffer.Length, EbsConstants.BlockSize - start);
            await WritePartAsync(block, start, buffer[..count], count, cancellationToken).ConfigureAwait(false);
            buffer = buffer[count..];
            block++;
        }

        int whole = buffer.Length / EbsConstants.BlockSize;
        if (whole > 0)
        {
            await WriteWholeAsync(block, buffer[..(whole * EbsConstants.BlockSize)], cancellationToken).ConfigureAwait(false);
            buffer = buffer[(whole * EbsConstants.BlockSize)..];
        }

        if (buffer.Length > 0)
        {
            await WritePartAsync(block + whole, 0, buffer, buffer.Length, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask WriteZeroesCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        long end = offset + length;
        while (offset < end)
        {
            int block = (int)(offset / EbsConstants.BlockSize);
            int start = (int)(offset % EbsConstants.BlockSize);
            int count = (int)Math.Min(end - offset, EbsConstants.BlockSize - start);
            if (count < EbsConstants.BlockSize)
            {
                await WritePartAsync(block, start, ReadOnlyMemory<byte>.Empty, count, cancellationToken).ConfigureAwait(false);
                offset += count;
                continue;
            }

            int stop = (int)(end / EbsConstants.BlockSize);
            await WriteZeroBlocksAsync(block, stop, cancellationToken).ConfigureAwait(false);
            offset = (long)stop * EbsConstants.BlockSize;
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _ledger.Dispose();
        _partials.Dispose();
        _parent?.Dispose();
        base.Dispose(disposing);
    }

    private static EbsStartRequest StartRequest(int volumeSize, EbsSnapshotWriterOptions options, string clientToken) => new()
    {
        VolumeSize = volumeSize,
        ClientToken = clientToken,
        ParentSnapshotId = options.ParentSnapshotId,
        Description = options.Description,
        Tags = options.Tags,
        Encrypted = options.Encrypted,
        KmsKeyArn = options.KmsKeyArn,
        Timeout = options.Timeout,
    };

    private async ValueTask WriteWholeAsync(int first, ReadOnlyMemory<byte> blocks, CancellationToken cancellationToken)
    {
        int count = blocks.Length / EbsConstants.BlockSize;
        ContentDigest[] digests = ArrayPool<ContentDigest>.Shared.Rent(count);
        try
        {
            Hash(blocks.Span, digests);
            if (count == 1)
            {
                await WriteBlockAsync(first, blocks, digests[0], cancellationToken).ConfigureAwait(false);
                return;
            }

            await ForEachAsync(count, index => WriteBlockAsync(first + index, blocks.Slice(index * EbsConstants.BlockSize, EbsConstants.BlockSize), digests[index], cancellationToken)).ConfigureAwait(false);
        }
        finally
        {
            ArrayPool<ContentDigest>.Shared.Return(digests);
        }
    }

    // Runs of blocks that hold anything are hashed together; zeros have a digest that is known.
    private static void Hash(ReadOnlySpan<byte> blocks, Span<ContentDigest> digests)
    {
        for (int block = 0; !blocks.IsEmpty;)
        {
            int run = ZeroDetector.GetRunLength(blocks, EbsConstants.BlockSize, out bool isZero);
            int count = run / EbsConstants.BlockSize;
            if (isZero)
            {
                digests.Slice(block, count).Fill(s_zeroDigest);
            }
            else
            {
                Sha256Lanes.HashMany(blocks[..run], EbsConstants.BlockSize, digests.Slice(block, count));
            }

            blocks = blocks[run..];
            block += count;
        }
    }

    private ValueTask WriteBlockAsync(int block, ReadOnlyMemory<byte> content, ContentDigest digest, CancellationToken cancellationToken)
    {
        _partials.Drop(block);
        return digest == s_zeroDigest ? WriteZeroBlockAsync(block, cancellationToken) : SendAsync(block, content, digest, cancellationToken);
    }

    private async ValueTask WriteZeroBlocksAsync(int first, int end, CancellationToken cancellationToken)
    {
        if (_parent is not null)
        {
            // The parent's list decides, a page at a time.
            await ForEachAsync(end - first, index => WriteBlockAsync(first + index, s_zeros, s_zeroDigest, cancellationToken)).ConfigureAwait(false);
            return;
        }

        foreach (int partial in _partials.Indexes)
        {
            if (partial >= first && partial < end)
            {
                _partials.Drop(partial);
            }
        }

        for (int block = _ledger.NextKnown(first); block < end; block = _ledger.NextKnown(block + 1))
        {
            await SendAsync(block, s_zeros, s_zeroDigest, cancellationToken).ConfigureAwait(false);
        }
    }

    // Zeros are sent only where something else would show.
    private async ValueTask WriteZeroBlockAsync(int block, CancellationToken cancellationToken)
    {
        if (_ledger.IsKnown(block) || (_parent is not null && await _parent.HasBlockAsync(block, cancellationToken).ConfigureAwait(false)))
        {
            await SendAsync(block, s_zeros, s_zeroDigest, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask WritePartAsync(int block, int start, ReadOnlyMemory<byte> part, int length, CancellationToken cancellationToken)
    {
        bool restIsZero = false;
        if (_touched[block])
        {
            restIsZero = _ledger.Find(block) == s_zeroDigest
                ? true
                : throw new InvalidOperationException($"Block {block} (bytes from {(long)block * EbsConstants.BlockSize}) was sent already and cannot be written in part: a pending snapshot cannot be read. Write whole blocks of {EbsConstants.BlockSize} bytes, or each byte once.");
        }

        byte[]? whole = _partials.Add(block, start, part.Span, length, restIsZero);
        if (whole is not null)
        {
            await WriteWholeAsync(block, whole, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask SendAsync(int block, ReadOnlyMemory<byte> content, ContentDigest digest, CancellationToken cancellationToken)
    {
        _touched.Set(block);
        if (_ledger.Find(block) == digest)
        {
            Interlocked.Increment(ref _keptBlocks);
            return;
        }

        _ledger.Begin(block);
        await _client.PutBlockAsync(SnapshotId, block, content, digest, _mayBeUnknownUntil, cancellationToken).ConfigureAwait(false);
        _ledger.Acknowledge(block, digest);
        Interlocked.Increment(ref _sentBlocks);
    }

    private async ValueTask ForEachAsync(int count, Func<int, ValueTask> action)
    {
        int next = -1;
        Task[] workers = new Task[Math.Min(count, _client.MaxConcurrentRequests)];
        for (int worker = 0; worker < workers.Length; worker++)
        {
            workers[worker] = WorkAsync();
        }

        await Task.WhenAll(workers).ConfigureAwait(false);

        async Task WorkAsync()
        {
            int index;
            while ((index = Interlocked.Increment(ref next)) < count)
            {
                await action(index).ConfigureAwait(false);
            }
        }
    }
}
