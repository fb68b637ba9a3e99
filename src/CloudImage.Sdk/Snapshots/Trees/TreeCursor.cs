using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Snapshots.Trees;

/// <summary>Where a walk over several trees at once stands in one of them: a position and a level, with what the tree has there. Immutable.</summary>
/// <remarks>Above its own root a tree is a node whose first entry is the root; behind its end there is nothing.</remarks>
internal readonly struct TreeCursor
{
    private TreeCursor(SnapshotTree tree, NodeRef node, int level, long firstChunk)
    {
        Tree = tree;
        Node = node;
        Level = level;
        FirstChunk = firstChunk;
    }

    public SnapshotTree Tree { get; }

    public NodeRef Node { get; }

    public int Level { get; }

    public long FirstChunk { get; }

    public EntryKind Kind => Node.Kind;

    /// <summary>Whether the disk of the tree ends before this position.</summary>
    public bool IsBehindEnd => FirstChunk >= Tree.Geometry.ChunkCount;

    /// <summary>Whether <see cref="Node"/> is what stands at this level, so that its hash says what is under it.</summary>
    public bool HasHash => Kind != EntryKind.Stored || Level <= Tree.Geometry.RootLevel;

    /// <summary>Begins a walk at the first chunk.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="level">The level that the walk begins at, below or above the tree's own root.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async ValueTask<TreeCursor> BeginAsync(SnapshotTree tree, int level, CancellationToken cancellationToken)
    {
        (NodeRef node, int _) = await tree.FindAsync(level, 0, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
        return new TreeCursor(tree, node, level, 0);
    }

    /// <summary>Loads the node here; null where there is none at this level.</summary>
    public async ValueTask<TreeNode?> LoadAsync(CancellationToken cancellationToken) =>
        Kind == EntryKind.Stored && HasHash ? await Tree.LoadAsync(Node, Level, IoMode.Asynchronous, cancellationToken).ConfigureAwait(false) : null;

    /// <summary>One entry further down.</summary>
    /// <param name="node">What <see cref="LoadAsync"/> gave.</param>
    /// <param name="index">The entry.</param>
    public TreeCursor Child(TreeNode? node, int index)
    {
        NodeRef child = node is not null ? new NodeRef(node.Digest(index), node.Place(index), ReachOf(node, index), node.ChunksOf(index))
            : HasHash || index == 0 ? Node
            : default;
        return new TreeCursor(Tree, child, Level - 1, FirstChunk + (index * TreeGeometry.ChunksPerEntry(Level)));
    }

    private static Packs.PackId[]? ReachOf(TreeNode node, int index) => node.Level == 1 && node.Kind(index) == EntryKind.Stored ? node.Reach(index) : null;
}
