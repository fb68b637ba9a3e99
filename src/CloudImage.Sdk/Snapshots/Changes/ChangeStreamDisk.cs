using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Compression;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Trees;
using Microsoft.Win32.SafeHandles;

namespace CloudImage.Sdk.Snapshots.Changes;

/// <summary>A change stream as a disk: what it changes reads as the newer state, everything else is unmapped.</summary>
/// <remarks>
/// Thread-safe. As the top layer of a <see cref="LayeredDisk"/> over the older state it is the newer one, to be copied to any
/// <see cref="DiskWriter"/>. The file is read through and checked when it is opened, and each chunk against its digest when it is read.
/// </remarks>
public sealed class ChangeStreamDisk : VirtualDisk
{
    private const long CacheSize = 16 << 20;
    private readonly string _path;
    private readonly SafeFileHandle _file;
    private readonly ChangeStreamHeader _header;
    private readonly List<(ChangeRecord Record, long FileOffset)> _changes;
    private readonly FrameCodec _frames;
    private readonly FlightCache<int, byte[]> _chunks = new(CacheSize, static chunk => chunk.Length);

    private ChangeStreamDisk(string path, SafeFileHandle file, ChangeStreamHeader header, List<(ChangeRecord Record, long FileOffset)> changes)
    {
        _path = path;
        _file = file;
        _header = header;
        _changes = changes;
        _frames = new FrameCodec(header.Suite, RepositoryProtection.None);
        Info = new DiskInfo { FormatName = "changes", VirtualSize = header.NewerLength, AllocationUnitSize = header.ChunkSize };
    }

    /// <summary>Length of the older state in bytes.</summary>
    public long OlderLength => _header.OlderLength;

    /// <summary>The root of the older state.</summary>
    public ContentDigest OlderRoot => _header.OlderRoot;

    /// <summary>The root of the newer state.</summary>
    public ContentDigest NewerRoot => _header.NewerRoot;

    /// <summary>Size of the chunks that the roots are made of.</summary>
    public int ChunkSize => _header.ChunkSize;

    /// <summary>The digest that the roots are made with.</summary>
    public ContentHashAlgorithm Digest => _header.Suite;

    /// <inheritdoc/>
    public override DiskInfo Info { get; }

    /// <inheritdoc/>
    public override long Length => _header.NewerLength;

    /// <inheritdoc/>
    public override bool IsLocal => true;

    /// <summary>Opens a change stream that lies in a file, and reads it through.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The disk.</returns>
    /// <exception cref="RepositoryCorruptException">The file is no change stream, is damaged or is cut off.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static ChangeStreamDisk Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using ChangeStreamReader reader = new(path);
        (ChangeStreamHeader header, List<(ChangeRecord Record, long FileOffset)> changes) = reader.Read();
        return new ChangeStreamDisk(path, File.OpenHandle(path), header, changes);
    }

    /// <summary>The changed ranges, as <see cref="SnapshotRepository.DiffAsync"/> lists them.</summary>
    /// <returns>The map.</returns>
    public BlockMap GetChanges()
    {
        List<DiskExtent> extents = [];
        foreach ((ChangeRecord record, long _) in _changes)
        {
            extents.Add(new DiskExtent(record.Offset, record.Length, record.Kind == ChangeRecord.Chunk ? DiskExtentKind.Data : DiskExtentKind.Zero));
        }

        return new BlockMap(extents);
    }

    /// <summary>Whether a disk holds the older state: computes its root, for which all its data is read.</summary>
    /// <param name="disk">The disk; the caller disposes it.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>Whether length and root are those that the stream leads from.</returns>
    /// <remarks>A disk that is longer by zeros alone is taken too: formats round lengths up.</remarks>
    public async Task<bool> FitsAsync(VirtualDisk disk, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(disk);
        return disk.Length >= OlderLength
            && await RootHasher.ComputeAsync(disk, OlderLength, ChunkSize, Digest, cancellationToken).ConfigureAwait(false) == OlderRoot;
    }

    /// <summary>Makes a raw file or block device that holds the older state hold the newer one.</summary>
    /// <param name="path">The file or device. A file becomes as long as the newer state; a device has to be long enough.</param>
    /// <param name="cancellationToken">Ends the work; the target is then a mixture, and stays refused until this is run again.</param>
    /// <returns>How many bytes were written.</returns>
    /// <exception cref="CloudImageException">The target does not hold the older state, cannot be opened, or is too short; nothing was changed.</exception>
    /// <remarks>
    /// Like <see cref="SnapshotRepository.RestoreInPlaceAsync"/> this overwrites, and a file beside the target, <c>PATH.cloudimage-restoring</c>, is there
    /// from before the first write until after the last one. Where that file is there from a run that was cut off, the older state is not asked for again.
    /// </remarks>
    public async Task<long> ApplyInPlaceAsync(string path, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string text = $"changes to {NewerRoot}";
        if (!RestoreMark.IsPresent(path, text))
        {
            using FileDisk present = FileDisk.Open(path);
            if (!await FitsAsync(present, cancellationToken).ConfigureAwait(false))
            {
                throw new CloudImageException($"'{path}' does not hold the state that the changes lead from, of {OlderLength} bytes with the root {OlderRoot}. Nothing was changed.");
            }
        }

        using FileImageEditor target = FileImageEditor.OpenForRestore(path);
        if (target.IsBlockDevice && target.Length < Length)
        {
            throw new CloudImageException($"The device '{path}' has {target.Length} bytes, the newer state {Length}.");
        }

        return await MarkedEdit.RunAsync(
            target, target.IsBlockDevice ? null : Length, () => RestoreMark.Create(path, text), () => WriteChangesAsync(target, cancellationToken), () => RestoreMark.Remove(path)).ConfigureAwait(false);
    }

    private async ValueTask<long> WriteChangesAsync(FileImageEditor target, CancellationToken cancellationToken)
    {
        long written = 0;
        byte[] zeros = new byte[ChunkSize];
        for (int index = 0; index < _changes.Count; index++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ChangeRecord record = _changes[index].Record;
            for (long done = 0; done < record.Length; done += ChunkSize)
            {
                byte[] content = record.Kind == ChangeRecord.Chunk ? await ChunkAsync(index, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false) : zeros;
                int length = (int)Math.Min(ChunkSize, record.Length - done);
                target.Write(content.AsSpan(0, length), record.Offset + done);
                written += length;
            }
        }

        return written;
    }

    /// <inheritdoc/>
    protected override async ValueTask<int> ReadCoreAsync(Memory<byte> buffer, long offset, IoMode mode, CancellationToken cancellationToken)
    {
        int total = buffer.Length;
        while (buffer.Length > 0)
        {
            int index = Find(offset, out long end);
            int count = (int)Math.Min(buffer.Length, end - offset);
            if (index >= 0 && _changes[index].Record is { Kind: ChangeRecord.Chunk } record)
            {
                byte[] chunk = await ChunkAsync(index, mode, cancellationToken).ConfigureAwait(false);
                chunk.AsSpan((int)(offset - record.Offset), count).CopyTo(buffer.Span);
            }
            else
            {
                buffer.Span[..count].Clear();
            }

            buffer = buffer[count..];
            offset += count;
        }

        return total;
    }

    /// <inheritdoc/>
    protected override ValueTask<DiskPlacement> LocateCoreAsync(long offset, long length, IoMode mode, CancellationToken cancellationToken)
    {
        int index = Find(offset, out long end);
        DiskExtentKind kind = index < 0 ? DiskExtentKind.Unmapped : _changes[index].Record.Kind == ChangeRecord.Chunk ? DiskExtentKind.Data : DiskExtentKind.Zero;
        return ValueTask.FromResult(new DiskPlacement(offset, Math.Min(length, end - offset), kind));
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _file.Dispose();
        }

        base.Dispose(disposing);
    }

    // The change that holds a position, or -1 with the end of the range that none holds.
    private int Find(long offset, out long end)
    {
        int low = 0;
        int high = _changes.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_changes[middle].Record.Offset <= offset)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        if (low > 0 && offset < _changes[low - 1].Record.Offset + _changes[low - 1].Record.Length)
        {
            end = _changes[low - 1].Record.Offset + _changes[low - 1].Record.Length;
            return low - 1;
        }

        end = low < _changes.Count ? _changes[low].Record.Offset : Length;
        return -1;
    }

    private ValueTask<byte[]> ChunkAsync(int index, IoMode mode, CancellationToken cancellationToken) =>
        _chunks.GetAsync(index, this, static (index, disk, mode, token) => disk.LoadAsync(index, mode, token), mode, cancellationToken);

    private async ValueTask<byte[]> LoadAsync(int index, IoMode mode, CancellationToken cancellationToken)
    {
        (ChangeRecord record, long fileOffset) = _changes[index];
        byte[] coded = new byte[record.StoredLength];
        int count = mode == IoMode.Synchronous
            ? RandomAccess.Read(_file, coded, fileOffset)
            : await RandomAccess.ReadAsync(_file, coded, fileOffset, cancellationToken).ConfigureAwait(false);
        byte[] plain = new byte[ChunkSize];
        return count == coded.Length && ChunkCodec.TryDecompress(record.Codec, coded, plain) && _frames.Hash(plain) == record.Digest
            ? plain
            : throw new RepositoryCorruptException(_path, fileOffset, $"the chunk does not have the digest {record.Digest}.");
    }
}
