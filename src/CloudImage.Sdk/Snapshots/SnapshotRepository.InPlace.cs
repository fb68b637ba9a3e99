using System;
using System.Buffers;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Snapshots;

public sealed partial class SnapshotRepository
{
    private const int InPlaceWindow = 4 << 20;

    /// <summary>Makes an existing raw file or block device hold a snapshot, writing only what differs.</summary>
    /// <param name="id">The snapshot.</param>
    /// <param name="path">The file or device. A file becomes as long as the snapshot; a device has to be long enough.</param>
    /// <param name="progress">Told how far it is; null for nobody.</param>
    /// <param name="cancellationToken">Ends the work; the target is then a mixture, and stays refused until this is run again.</param>
    /// <returns>How many bytes were written.</returns>
    /// <exception cref="SnapshotNotFoundException">There is no such snapshot.</exception>
    /// <exception cref="CloudImageException">The target cannot be opened, or is too short.</exception>
    /// <remarks>
    /// The one restore that overwrites. A file beside the target, <c>PATH.cloudimage-restoring</c>, is durable before the first
    /// write and removed after the last one is; while it exists, this library opens the target for nothing else. Running the
    /// restore again, of this snapshot or another, ends it.
    /// </remarks>
    public async Task<long> RestoreInPlaceAsync(string id, string path, IProgress<SnapshotProgress>? progress, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        SnapshotDisk source = await OpenDiskAsync(id, new SnapshotDiskOptions { ReadAheadChunks = 0 }, cancellationToken).ConfigureAwait(false);
        await using (source.ConfigureAwait(false))
        {
            using FileImageEditor target = FileImageEditor.OpenForRestore(path);
            if (target.Length < source.Length && target.IsBlockDevice)
            {
                throw new SnapshotRepositoryException($"The device '{path}' has {target.Length} bytes, the snapshot {source.Length}.");
            }

            RestoreMark.Create(path, $"{Id} {id}");
            if (!target.IsBlockDevice)
            {
                target.SetLength(source.Length);
            }

            long written = await CopyDifferencesAsync(source, target, progress, cancellationToken).ConfigureAwait(false);
            target.Flush();
            RestoreMark.Remove(path);
            return written;
        }
    }

    private static async ValueTask<long> CopyDifferencesAsync(SnapshotDisk source, FileImageEditor target, IProgress<SnapshotProgress>? progress, CancellationToken cancellationToken)
    {
        long startedAt = System.Diagnostics.Stopwatch.GetTimestamp();
        byte[] wanted = ArrayPool<byte>.Shared.Rent(InPlaceWindow);
        byte[] present = ArrayPool<byte>.Shared.Rent(InPlaceWindow);
        long written = 0;
        try
        {
            for (long offset = 0; offset < source.Length; offset += InPlaceWindow)
            {
                int length = (int)Math.Min(InPlaceWindow, source.Length - offset);
                await source.ReadAsync(wanted.AsMemory(0, length), offset, cancellationToken).ConfigureAwait(false);
                int count = target.Read(present.AsSpan(0, length), offset);
                present.AsSpan(count, length - count).Clear();
                written += WriteDifferences(target, wanted.AsSpan(0, length), present, offset);
                progress?.Report(new SnapshotProgress
                {
                    TotalBytes = source.Length,
                    ProcessedBytes = offset + length,
                    ReadBytes = offset + length,
                    StoredBytes = written,
                    Elapsed = System.Diagnostics.Stopwatch.GetElapsedTime(startedAt),
                });
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(wanted);
            ArrayPool<byte>.Shared.Return(present);
        }

        return written;
    }

    private static long WriteDifferences(FileImageEditor target, ReadOnlySpan<byte> wanted, ReadOnlySpan<byte> present, long offset)
    {
        const int Block = 4096;
        long written = 0;
        for (int from = 0; from < wanted.Length;)
        {
            int to = from;
            while (to < wanted.Length && !wanted.Slice(to, Math.Min(Block, wanted.Length - to)).SequenceEqual(present.Slice(to, Math.Min(Block, wanted.Length - to))))
            {
                to = Math.Min(wanted.Length, to + Block);
            }

            if (to > from)
            {
                target.Write(wanted[from..to], offset + from);
                written += to - from;
                from = to;
            }
            else
            {
                from += Block;
            }
        }

        return written;
    }
}
