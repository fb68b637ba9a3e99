using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.IO;
using CloudImage.Sdk.Snapshots.Packs;
using CloudImage.Sdk.Snapshots.Proofs;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Sessions;
using CloudImage.Sdk.Snapshots.Signing;

namespace CloudImage.Sdk.Snapshots;

public sealed partial class SnapshotRepository
{
    /// <summary>Proves what a snapshot holds at a range, to somebody who has neither the repository nor its keys.</summary>
    /// <param name="id">The snapshot's id.</param>
    /// <param name="offset">Position of the range in bytes.</param>
    /// <param name="length">Length in bytes, from 1 to <see cref="RangeProof.MaxLength"/>.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>The proof, with the bytes in it and the signature of the snapshot where there is one.</returns>
    /// <exception cref="SnapshotNotFoundException">There is no such snapshot.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The range is empty, too long or outside the disk.</exception>
    /// <remarks>A few nodes and the chunks of the range are read. A proof shows the snapshot's descriptor, image and tags included.</remarks>
    public async Task<RangeProof> ProveAsync(string id, long offset, int length, CancellationToken cancellationToken = default)
    {
        CommittedSnapshot snapshot = await FindAsync(id, cancellationToken).ConfigureAwait(false);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Math.Min(RangeProof.MaxLength, snapshot.Descriptor.Length - offset));
        TreeProver prover = new(snapshot.OpenTree(_context), Digest, offset / ChunkSize, (offset + length - 1) / ChunkSize);
        ReadOnlyMemory<byte> tree = await prover.ExecuteAsync(cancellationToken).ConfigureAwait(false);
        ChunkFetcher fetcher = new(_context);
        List<ChunkProof> chunks = [];
        foreach ((long chunk, ContentDigest digest, FramePlace place) in prover.Chunks)
        {
            byte[] plain = new byte[ChunkSize];
            await fetcher.FetchAsync(new WantedChunk(place, digest, plain), IoMode.Asynchronous, cancellationToken).ConfigureAwait(false);
            int from = (int)Math.Max(0, offset - (chunk * ChunkSize));
            int count = (int)Math.Min(ChunkSize, offset + length - (chunk * ChunkSize)) - from;
            chunks.Add(ProveChunk(plain, from, count));
        }

        (SnapshotIdentity identity, ReadOnlyMemory<byte> descriptor, ReadOnlyMemory<byte> signature) = await FindStatementAsync(snapshot, cancellationToken).ConfigureAwait(false);
        return new RangeProof(identity, descriptor, signature, offset, length, tree, chunks);
    }

    private ChunkProof ProveChunk(byte[] plain, int from, int count)
    {
        if (Digest != ContentHashAlgorithm.Blake3)
        {
            // SHA-256 has no tree inside: the whole chunk is its own proof.
            return new ChunkProof(default, plain);
        }

        byte[] outboard = new byte[Blake3Tree.GetOutboardLength(plain.Length, RangeProof.GroupSize)];
        Blake3Tree.BuildOutboard(plain, RangeProof.GroupSize, outboard);
        byte[] path = Blake3Tree.CreateProof(outboard, plain.Length, RangeProof.GroupSize, from, count);
        return new ChunkProof(path, plain.AsMemory(Blake3Tree.GetProvenRange(plain.Length, RangeProof.GroupSize, from, count)));
    }

    // The signed statement about this root: the snapshot's own, or that of the original of a copy, which has the same root.
    private async ValueTask<(SnapshotIdentity Identity, ReadOnlyMemory<byte> Descriptor, ReadOnlyMemory<byte> Signature)> FindStatementAsync(CommittedSnapshot snapshot, CancellationToken cancellationToken)
    {
        List<StoredSignature> signatures = await SignatureChecker.ReadAsync(_context, snapshot, cancellationToken).ConfigureAwait(false);
        return signatures.Count == 0 && snapshot.Descriptor.Origin is { Signature.IsEmpty: false } origin
            ? (origin.Identity, origin.Descriptor, origin.Signature)
            : (_context.IdentityOf(snapshot.Id), snapshot.Descriptor.ToArray(), signatures.Count > 0 ? signatures[0].ToArray() : default);
    }
}
