using System.Collections.Generic;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Snapshots.Capture;

/// <summary>A few chunks of one leaf that are read, hashed and compressed together.</summary>
internal sealed class CaptureUnit
{
    public CaptureUnit(CaptureLeaf leaf) => Leaf = leaf;

    public CaptureLeaf Leaf { get; }

    /// <summary>Indices of the chunks within the leaf, ascending.</summary>
    public List<int> Entries { get; } = [];

    /// <summary>What of them is to be read: data, and in a layer what its base completes. The rest is zeros.</summary>
    public List<DiskExtent> Ranges { get; } = [];

    public ChunkResult[] Results { get; set; } = [];

    /// <summary>The frames of new chunks one behind the other; back to the pool when they are appended.</summary>
    public byte[]? Frames { get; set; }

    /// <summary>The plain chunks, where they were read ahead of the worker.</summary>
    public byte[]? Plain { get; set; }

    /// <summary>Ends when <see cref="Plain"/> is filled; null where the worker reads itself.</summary>
    public Task? Reading { get; set; }

    public long ReadBytes { get; set; }

    public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}
