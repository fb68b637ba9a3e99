using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Trees;

namespace CloudImage.Sdk.Tests.Snapshots.Trees;

/// <summary>Trees of huge disks without the disks: digests are made up, leaves that nobody looks at are one and the same.</summary>
internal static class SyntheticTree
{
    /// <summary>Builds a tree.</summary>
    /// <param name="repository">Receives the nodes.</param>
    /// <param name="length">Length of the disk.</param>
    /// <param name="own">Chunks whose leaves are written on their own, the same in every tree but for what changed.</param>
    /// <param name="changed">Of those the ones that are changed.</param>
    /// <param name="seed">What the changed chunks are made up from.</param>
    public static async Task<SnapshotDescriptor> BuildAsync(SnapshotRepository repository, long length, IReadOnlySet<long> own, IReadOnlySet<long> changed, int seed)
    {
        RepositoryContext context = repository.Context;
        SessionId session = SessionId.NewRandom();
        TreeGeometry geometry = new(length, context.Header.ChunkSize);
        PackStream packs = new(context.Store, PackKind.Tree, session, 0, null, CancellationToken.None);
        await using (packs)
        {
            TreeBuilder builder = new(context, geometry, packs, [], static _ => true);
            Random random = new(seed);
            PackId data = new(PackKind.Data, session, 0, 0);
            SortedSet<long> touchedLeaves = [];
            foreach (long chunk in own)
            {
                touchedLeaves.Add(chunk / TreeGeometry.FanOut);
            }

            NodeRef common = default;
            for (long leaf = 0; leaf < geometry.LeafCount; leaf++)
            {
                bool isTouched = touchedLeaves.Contains(leaf);
                if (!isTouched && common.Kind == EntryKind.Stored)
                {
                    await builder.AddSubtreeAsync(common, 0, null, CancellationToken.None);
                    continue;
                }

                TreeNode node = new(0);
                for (int index = 0; index < TreeGeometry.FanOut; index++)
                {
                    bool isChanged = changed.Contains((leaf * TreeGeometry.FanOut) + index);
                    byte[] digest = new byte[ContentDigest.SizeInBytes];
                    digest[0] = 1;
                    digest[1] = (byte)index;
                    System.Buffers.Binary.BinaryPrimitives.WriteInt64LittleEndian(digest.AsSpan(2), isTouched ? leaf : -1);
                    if (isChanged)
                    {
                        random.NextBytes(digest);
                    }

                    node.SetStored(index, new ContentDigest(digest), new FramePlace(data, (uint)(32 + (index * 100)), 100));
                }

                await builder.AddLeafAsync(node, geometry.UsedEntries(0, leaf * TreeGeometry.FanOut), null, default, [], CancellationToken.None);
                if (!isTouched)
                {
                    common = await FirstLeafAsync(context, packs, node);
                }
            }

            NodeRef root = await builder.CompleteAsync(CancellationToken.None);
            await packs.CompleteAsync();
            return Describe(context, length, root);
        }
    }

    // Written once more, for its place: the builder keeps that to itself.
    private static async Task<NodeRef> FirstLeafAsync(RepositoryContext context, PackStream packs, TreeNode node)
    {
        ContentDigest hash = node.ComputeHash(context.Suite, TreeGeometry.FanOut);
        byte[] plain = NodeCodec.Encode(node);
        byte[] frame = new byte[context.Frames.MaxFrameLength(plain.Length)];
        FrameHeader header = context.Frames.Encode(FrameKind.Node, hash, plain, CloudImage.Sdk.Compression.ChunkCodec.Stored, frame);
        FramePlace place = await packs.AppendAsync(frame.AsMemory(0, header.FrameLength), header, CancellationToken.None);
        return new NodeRef(hash, place, node.DirectPacks(), node.CountStored());
    }

    private static SnapshotDescriptor Describe(RepositoryContext context, long length, NodeRef root) => new()
    {
        Suite = context.Suite,
        ChunkSize = context.Header.ChunkSize,
        Length = length,
        Root = root.Hash,
        RootPlace = root.Place,
        IsLayer = false,
        Parent = default,
        Image = "synthetic",
        Sequence = 1,
        CreatedAt = DateTimeOffset.UnixEpoch,
        Codec = "stored",
        DataBytes = 0,
        StoredBytes = 0,
        Tags = [],
    };
}
