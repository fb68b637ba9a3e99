using System;
using System.Collections.Generic;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots.Trees;

namespace CloudImage.Sdk.Snapshots.Layers;

/// <summary>Three leaves at one position, compared chunk by chunk through their digests alone. Immutable.</summary>
internal sealed class RebaseLeaf(TreeCursor layer, TreeNode? layerNode, TreeCursor oldBase, TreeNode? oldNode, TreeCursor newBase, TreeNode? newNode)
{
    public TreeCursor Layer => layer;

    public TreeNode? LayerNode => layerNode;

    public TreeNode? NewNode => newNode;

    public NodeRef NewReference => newBase.Node;

    /// <summary>How many chunks of the layer's disk are in the leaf.</summary>
    public int Used => layer.Tree.Geometry.UsedEntries(0, layer.FirstChunk);

    public EntryKind LayerKind(int index) => layerNode?.Kind(index) ?? layer.Kind;

    /// <summary>Where the chunk of the rebased layer comes from.</summary>
    public RebaseSource SourceOf(int index)
    {
        ContentDigest mine = layerNode?.Digest(index) ?? layer.Node.Hash;
        if (TreeNode.KindOf(mine) == EntryKind.Absent)
        {
            return RebaseSource.Layer;
        }

        ContentDigest common = BaseDigest(oldBase, oldNode, index);
        ContentDigest theirs = BaseDigest(newBase, newNode, index);
        if (theirs == common || mine == theirs)
        {
            return RebaseSource.Layer;
        }

        // The base's last chunk serves only where the layer does not end before it does.
        long end = (layer.FirstChunk + index + 1) * layer.Tree.Geometry.ChunkSize;
        bool isWholeTheirs = TreeNode.KindOf(theirs) == EntryKind.Zero || layer.Tree.Geometry.Length >= Math.Min(end, newBase.Tree.Geometry.Length);
        return mine == common && isWholeTheirs ? RebaseSource.NewBase : RebaseSource.Blocks;
    }

    public void ListMixed(List<DiskExtent> mixed)
    {
        TreeGeometry shape = layer.Tree.Geometry;
        for (int index = 0; index < Used; index++)
        {
            if (SourceOf(index) == RebaseSource.Blocks)
            {
                long start = (layer.FirstChunk + index) * shape.ChunkSize;
                mixed.Add(new DiskExtent(start, Math.Min(shape.ChunkSize, shape.Length - start), DiskExtentKind.Data));
            }
        }
    }

    private static ContentDigest BaseDigest(in TreeCursor cursor, TreeNode? node, int index)
    {
        ContentDigest digest = cursor.IsBehindEnd ? MerkleHash.Zero : node?.Digest(index) ?? cursor.Node.Hash;
        return TreeNode.KindOf(digest) == EntryKind.Stored ? digest : MerkleHash.Zero;
    }
}
