using System;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;

namespace CloudImage.Sdk.Snapshots.Trees;

/// <summary>Reads the tree of one snapshot, node by node through the repository's cache. Thread-safe.</summary>
internal sealed class SnapshotTree
{
    private readonly RepositoryContext _context;

    public SnapshotTree(RepositoryContext context, SnapshotDescriptor descriptor)
    {
        _context = context;
        Geometry = descriptor.Geometry;
        Root = new NodeRef(descriptor.Root, descriptor.RootPlace, null, 0);
    }

    public TreeGeometry Geometry { get; }

    public NodeRef Root { get; }

    /// <summary>How many nodes are worth loading at once.</summary>
    public int Concurrency => Math.Max(Environment.ProcessorCount, _context.Store.Capabilities.PreferredConcurrency);

    public ValueTask<TreeNode> LoadAsync(NodeRef node, int level, IoMode mode, CancellationToken cancellationToken) =>
        _context.NodeAsync(node.Place, node.Hash, level, mode, cancellationToken);

    /// <summary>Takes a node from the cache.</summary>
    /// <returns>The node, or null where it is not there.</returns>
    public TreeNode? TryGetLoaded(NodeRef node, int level) => _context.TryGetNode(node.Place, node.Hash, level);

    /// <summary>Finds the node of a level that holds a chunk.</summary>
    /// <param name="level">The level, from 0 to the root's.</param>
    /// <param name="chunk">Index of a chunk of the disk.</param>
    /// <param name="mode">How to work.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The reference to it; where a node above it is zero or absent, that node's reserved digest with the level it stands at.</returns>
    public async ValueTask<(NodeRef Node, int Level)> FindAsync(int level, long chunk, IoMode mode, CancellationToken cancellationToken)
    {
        NodeRef current = Root;
        int at = Geometry.RootLevel;
        while (at > level && current.Kind == EntryKind.Stored)
        {
            TreeNode node = await LoadAsync(current, at, mode, cancellationToken).ConfigureAwait(false);
            int index = (int)(chunk / TreeGeometry.ChunksPerEntry(at) % TreeGeometry.FanOut);
            current = new NodeRef(node.Digest(index), node.Place(index), node.Kind(index) == EntryKind.Stored && at == 1 ? node.Reach(index) : null, node.ChunksOf(index));
            at--;
        }

        return (current, at);
    }

    /// <summary>Loads the leaf that holds a chunk.</summary>
    /// <returns>The leaf, or null and the reserved kind with the level where it stands.</returns>
    public async ValueTask<(TreeNode? Leaf, EntryKind Kind, int Level)> LeafAsync(long chunk, IoMode mode, CancellationToken cancellationToken)
    {
        (NodeRef node, int level) = await FindAsync(0, chunk, mode, cancellationToken).ConfigureAwait(false);
        return node.Kind == EntryKind.Stored
            ? (await LoadAsync(node, 0, mode, cancellationToken).ConfigureAwait(false), EntryKind.Stored, 0)
            : (null, node.Kind, level);
    }
}
