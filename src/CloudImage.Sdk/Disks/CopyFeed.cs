using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Disks;

/// <summary>Where a copy takes its chunks from.</summary>
internal abstract class CopyFeed
{
    /// <summary>Makes a chunk the next window that may hold something to write. One call at a time.</summary>
    /// <returns>Whether there was one.</returns>
    public abstract ValueTask<bool> TryNextAsync(CopyChunk chunk, IoMode mode, CancellationToken cancellationToken);

    /// <summary>Makes the content of the chunk's ranges be in its buffer, and lists what must be written. Several calls at a time.</summary>
    public abstract ValueTask ReadAsync(CopyChunk chunk, CopyShape shape, IoMode mode, CancellationToken cancellationToken);
}
