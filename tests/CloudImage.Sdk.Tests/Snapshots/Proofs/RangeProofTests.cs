using System;
using System.Collections.Generic;
using System.Linq;
using System.Security.Cryptography;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots;
using CloudImage.Sdk.Snapshots.Proofs;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Signing;
using CloudImage.Sdk.Snapshots.Trees;
using CloudImage.Sdk.Storage;
using CloudImage.Sdk.Tests.Snapshots.Trees;
using Xunit;

namespace CloudImage.Sdk.Tests.Snapshots.Proofs;

public class RangeProofTests
{
    private const int Length = (SnapshotTestData.ChunkSize * 300) + 777;

    [Theory]
    [InlineData(ContentHashAlgorithm.Blake3)]
    [InlineData(ContentHashAlgorithm.Sha256)]
    public async Task AnyRange_IsProven_AndReadsAsTheDisk(ContentHashAlgorithm digest)
    {
        byte[] content = Content();
        await using SnapshotRepository repository = await CreateAsync(digest);
        SnapshotInfo snapshot = (await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null)).Snapshot;
        List<(int Offset, int Length)> ranges = [(0, 1), (Length - 1, 1), (0, 300_000), (SnapshotTestData.ChunkSize - 1, 2), (Length - 70_000, 70_000), (SnapshotTestData.ChunkSize * 254, SnapshotTestData.ChunkSize * 4), (SnapshotTestData.ChunkSize * 120, SnapshotTestData.ChunkSize * 3)];
        Random random = new(5);
        for (int round = 0; round < 40; round++)
        {
            int offset = random.Next(Length);
            ranges.Add((offset, random.Next(1, Math.Min(200_000, Length - offset + 1))));
        }

        foreach ((int offset, int length) in ranges)
        {
            RangeProof proof = RangeProof.Parse((await repository.ProveAsync(snapshot.Id, offset, length)).ToArray());
            Assert.True(proof.TryVerify(snapshot.Root, out byte[] data), $"{length} from {offset}");
            Assert.True(content.AsSpan(offset, length).SequenceEqual(data), $"{length} from {offset}");
            Assert.False(proof.Verify(default));
            Assert.Equal((snapshot.Id, "disk", (long)Length), (proof.SnapshotId, proof.Image, proof.DiskLength));
        }

        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => repository.ProveAsync(snapshot.Id, Length, 1));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => repository.ProveAsync(snapshot.Id, 0, 0));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => repository.ProveAsync(snapshot.Id, -1, 1));
    }

    [Fact]
    public async Task OfOneByte_OnlyTheGroupAroundItIsShown()
    {
        await using SnapshotRepository repository = await CreateAsync(ContentHashAlgorithm.Blake3);
        SnapshotInfo snapshot = (await repository.CaptureAsync(new ModelDisk(Content()), SnapshotTestData.Capture("disk"), null)).Snapshot;
        RangeProof proof = await repository.ProveAsync(snapshot.Id, 100_000, 1);
        Assert.InRange(proof.ToArray().Length, 4096, 4096 + 1200);
    }

    [Fact]
    public async Task AnyChangeOfAnyByte_BreaksTheProof_OrChangesNoMeaning()
    {
        await using SnapshotRepository repository = await CreateAsync(ContentHashAlgorithm.Blake3);
        byte[] content = Content();
        SnapshotInfo snapshot = (await repository.CaptureAsync(new ModelDisk(content), SnapshotTestData.Capture("disk"), null)).Snapshot;
        byte[] whole = (await repository.ProveAsync(snapshot.Id, 65_000, 2000)).ToArray();
        Random random = new(3);
        int accepted = 0;
        for (int at = 0; at < whole.Length; at += at < 1500 ? 1 : 37)
        {
            byte[] changed = [.. whole];
            changed[at] ^= (byte)(1 << random.Next(8));
            try
            {
                RangeProof proof = RangeProof.Parse(changed);
                if (proof.TryVerify(snapshot.Root, out byte[] data))
                {
                    // Image, time and tags are bound by the signature, not by the root; another range of the same groups is as true.
                    accepted++;
                    Assert.True(content.AsSpan((int)proof.Offset, proof.Length).SequenceEqual(data));
                }
            }
            catch (CloudImageException)
            {
                continue;
            }
        }

        Assert.InRange(accepted, 1, 200);
        for (int length = 0; length < whole.Length; length += 13)
        {
            Assert.ThrowsAny<CloudImageException>(() => RangeProof.Parse(whole.AsSpan(0, length)));
        }
    }

    [Fact]
    public async Task Layer_WhatIsAbsentIsProvenAbsent()
    {
        byte[] content = Content();
        ModelDisk overlay = new(content);
        for (int grain = 0; grain < 64; grain++)
        {
            overlay.SetKind(grain, DiskExtentKind.Unmapped);
        }

        await using SnapshotRepository repository = await CreateAsync(ContentHashAlgorithm.Blake3);
        SnapshotInfo layer = (await repository.CaptureAsync(overlay, new CaptureOptions { Image = "layer", AsLayer = true }, null)).Snapshot;
        RangeProof proof = await repository.ProveAsync(layer.Id, 1000, 5000);
        Assert.True(proof.TryVerify(layer.Root, out byte[] data));
        Assert.Equal(new byte[5000], data);
    }

    [Fact]
    public async Task Signature_InTheProof_VouchesForTheRoot()
    {
        using EcdsaSnapshotSigner signer = new(ECDsa.Create(ECCurve.NamedCurves.nistP256));
        using EcdsaSnapshotSigner stranger = new(ECDsa.Create(ECCurve.NamedCurves.nistP256));
        await using SnapshotRepository repository = await CreateAsync(ContentHashAlgorithm.Blake3);
        SnapshotInfo snapshot = (await repository.CaptureAsync(new ModelDisk(Content()), new CaptureOptions { Image = "disk", Signer = signer }, null)).Snapshot;
        byte[] whole = (await repository.ProveAsync(snapshot.Id, 5, 5)).ToArray();
        RangeProof proof = RangeProof.Parse(whole);
        Assert.Equal(SignatureStatus.Valid, proof.CheckSignature([signer.PublicKey]));
        Assert.Equal(SignatureStatus.UnknownKey, proof.CheckSignature([stranger.PublicKey]));
        whole[50] ^= 1;
        Assert.ThrowsAny<Exception>(() => Assert.Equal(SignatureStatus.Valid, RangeProof.Parse(whole).CheckSignature([signer.PublicKey])));
    }

    [Fact]
    public async Task AtFourTebibytes_TheTreePartHasAtMostOneKibibyte()
    {
        await using SnapshotRepository repository = await SnapshotRepository.CreateAsync(new MemoryObjectStore(), SnapshotRepositoryOptions.Default);
        const long DiskLength = 4L << 40;
        const long Chunk = 9_876_543;
        SnapshotDescriptor descriptor = await SyntheticTree.BuildAsync(repository, DiskLength, new HashSet<long> { Chunk }, new HashSet<long> { Chunk }, 1);
        TreeProver prover = new(new SnapshotTree(repository.Context, descriptor), repository.Digest, Chunk, Chunk);
        ReadOnlyMemory<byte> tree = await prover.ExecuteAsync(CancellationToken.None);
        Assert.InRange(tree.Length, 768, 1024);
        TreeProofVerifier verifier = new(repository.Digest, Chunk, Chunk, tree.Span);
        Assert.True(verifier.TryCompute(descriptor.Geometry.Levels, out ContentDigest root));
        Assert.Equal(descriptor.Root, root);
        Assert.Equal((Chunk, prover.Chunks[0].Digest), verifier.Chunks.Single());
    }

    [Fact]
    public void TreeOfHostileBytes_EndsSoon()
    {
        Random random = new(1);
        for (int round = 0; round < 2000; round++)
        {
            byte[] tree = new byte[random.Next(200)];
            random.NextBytes(tree);
            tree.AsSpan(0, Math.Min(tree.Length, random.Next(60))).Fill(1);
            TreeProofVerifier verifier = new(ContentHashAlgorithm.Blake3, 0, long.MaxValue / 262144, tree);
            Assert.False(verifier.TryCompute(6, out _) && verifier.Chunks.Count > 6);
        }
    }

    private static Task<SnapshotRepository> CreateAsync(ContentHashAlgorithm digest) =>
        SnapshotRepository.CreateAsync(new MemoryObjectStore(), new SnapshotRepositoryOptions { ChunkSize = SnapshotTestData.ChunkSize, Digest = digest });

    // Chunks 100 to 200 are zeros.
    private static byte[] Content()
    {
        byte[] content = SnapshotTestData.Mixed(Length, 4);
        content.AsSpan(SnapshotTestData.ChunkSize * 100, SnapshotTestData.ChunkSize * 100).Clear();
        return content;
    }
}
