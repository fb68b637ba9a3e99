using System.Collections.Generic;
using System.Threading;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Trees;

namespace CloudImage.Sdk.Snapshots.Capture;

/// <summary>A leaf under construction, with the parent's beside it.</summary>
internal sealed class CaptureLeaf
{
    private readonly Lock _lock = new();
    private readonly HashSet<PackId> _admitted = [];

    public required long FirstChunk { get; init; }

    public required int Used { get; init; }

    /// <summary>The parent's leaf, or null where there is none or it is a reserved digest.</summary>
    public required TreeNode? ParentNode { get; init; }

    public required NodeRef ParentRef { get; init; }

    /// <summary>Leaves of other snapshots at the same position: their chunks, and they themselves, are shared where they are the same.</summary>
    public IReadOnlyList<(TreeNode Node, NodeRef Reference)> Relatives { get; init; } = [];

    public TreeNode Node { get; } = new(0);

    /// <summary>
    /// Whether a chunk may be shared with a pack that the leaf does not refer to yet: a range of the disk that is
    /// scattered over too many packs costs every reader more than sharing saves.
    /// </summary>
    public bool Admit(PackId pack, int limit)
    {
        lock (_lock)
        {
            if (_admitted.Contains(pack))
            {
                return true;
            }

            return _admitted.Count < limit && _admitted.Add(pack);
        }
    }
}
