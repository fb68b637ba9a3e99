using System;
using System.Buffers.Binary;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Compression;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Index;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Sessions;
using CloudImage.Sdk.Snapshots.Trees;
using CloudImage.Sdk.Storage;

namespace CloudImage.Sdk.Tests.Snapshots.Collection;

/// <summary>Snapshots of many chunks without the content: as many packs, frames, nodes, segments and records as with it, each frame a few bytes long.</summary>
internal static class SyntheticRepository
{
    /// <summary>Frames of a data pack: what 64 MiB hold of incompressible chunks of 256 KiB.</summary>
    public const int FramesOfAPack = 256;

    private const int PayloadLength = 16;

    /// <summary>Makes a snapshot whose chunks are all its own.</summary>
    /// <returns>Its id.</returns>
    public static async Task<string> AddSnapshotAsync(SnapshotRepository repository, string image, int leaves)
    {
        RepositoryContext context = repository.Context;
        WriteSession session = await WriteSession.OpenAsync(context, context.Protection.EncodeImage(image), CancellationToken.None);
        ChunkIndex index = new(context, static _ => true);
        int segments = 0;
        string NextSegment() => CloudImage.Sdk.Snapshots.ObjectNames.Segment(session.Id, 0, segments++);
        TreeGeometry geometry = new((long)leaves * TreeGeometry.FanOut * context.Header.ChunkSize, context.Header.ChunkSize);
        PackStream trees = new(context.Store, PackKind.Tree, session.Id, 0, null, CancellationToken.None);
        TreeBuilder builder = new(context, geometry, trees, [], static _ => true);
        NodeRef root;
        await using (trees)
        {
            for (int leaf = 0; leaf < leaves; leaf++)
            {
                TreeNode node = await WritePackAsync(context, new PackId(PackKind.Data, session.Id, 0, leaf), index, NextSegment);
                await builder.AddLeafAsync(node, TreeGeometry.FanOut, null, default, [], CancellationToken.None);
            }

            root = await builder.CompleteAsync(CancellationToken.None);
            await trees.CompleteAsync();
        }

        await index.FlushAsync(NextSegment, CancellationToken.None);
        long sequence = await session.ReserveSequenceAsync(CancellationToken.None);
        ReadOnlyMemory<byte> descriptor = context.Protection.SealDescriptor(session.Id, Describe(context, geometry.Length, root, image, sequence).ToArray());
        (int prep, byte[] hash) = await session.DeclareAsync(new PrepRecord { Refs = builder.Refs, Descriptor = descriptor }, CancellationToken.None);
        await session.CommitAsync(prep, hash, CancellationToken.None);
        return session.Id.ToString();
    }

    private static async Task<TreeNode> WritePackAsync(RepositoryContext context, PackId pack, ChunkIndex index, Func<string> nextSegment)
    {
        TreeNode node = new(0);
        byte[] frame = new byte[FrameHeader.SizeInBytes + PayloadLength];
        PackWriter writer = await PackWriter.BeginAsync(context.Store, pack, CancellationToken.None);
        await using (writer)
        {
            for (int slot = 0; slot < FramesOfAPack; slot++)
            {
                byte[] digest = new byte[ContentDigest.SizeInBytes];
                BinaryPrimitives.WriteInt64LittleEndian(digest, ((long)pack.Sequence << 8) | (uint)slot);
                pack.Session.CopyTo(digest.AsSpan(16));
                ContentDigest id = new(System.Security.Cryptography.SHA256.HashData(digest));
                FrameHeader header = new(FrameKind.Chunk, ChunkCodecId.Lz4, false, context.Header.ChunkSize, PayloadLength, id);
                header.Write(frame);
                node.SetStored(slot, id, await writer.AppendAsync(frame, header, CancellationToken.None));
            }

            await writer.CompleteAsync(CancellationToken.None);
            await index.PublishedAsync(pack, writer.Slots, nextSegment, CancellationToken.None);
        }

        return node;
    }

    private static SnapshotDescriptor Describe(RepositoryContext context, long length, NodeRef root, string image, long sequence) => new()
    {
        Suite = context.Suite,
        ChunkSize = context.Header.ChunkSize,
        Length = length,
        Root = root.Hash,
        RootPlace = root.Place,
        IsLayer = false,
        Parent = default,
        Image = image,
        Sequence = sequence,
        CreatedAt = DateTimeOffset.UnixEpoch,
        Codec = "lz4",
        DataBytes = length,
        StoredBytes = 0,
        Tags = [],
    };
}
