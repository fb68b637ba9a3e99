using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Snapshots;

public sealed partial class SnapshotRepository
{
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

            InPlaceRestore restore = new(source, target, () => RestoreMark.Create(path, $"{Id} {id}"), () => RestoreMark.Remove(path));
            return await restore.RunAsync(!target.IsBlockDevice, progress, cancellationToken).ConfigureAwait(false);
        }
    }
}
