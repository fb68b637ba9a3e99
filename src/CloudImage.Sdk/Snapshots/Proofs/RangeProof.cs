using System;
using System.Collections.Generic;
using CloudImage.Sdk.Hashing;
using CloudImage.Sdk.Snapshots.Records;
using CloudImage.Sdk.Snapshots.Signing;
using CloudImage.Sdk.Snapshots.Trees;

namespace CloudImage.Sdk.Snapshots.Proofs;

/// <summary>A proof that a snapshot holds certain bytes at a certain range: the bytes, and the paths from them to the snapshot's root. Immutable.</summary>
/// <remarks>
/// It is verified with neither repository nor key, by whoever trusts a root (<see cref="Verify"/>) or a key that signed the snapshot
/// (<see cref="CheckSignature"/>). What a proof says of itself, image and time included, is worth what that root or key is worth.
/// Its size is that of the bytes, at most 803 bytes for the tree of a disk of 4 TiB (256 KiB chunks) and some 400 for the path inside a chunk.
/// </remarks>
public sealed class RangeProof
{
    /// <summary>The most bytes that one proof covers.</summary>
    public const int MaxLength = 64 << 20;

    internal const int GroupSize = 4096;
    private const uint Magic = 0x30584943; // "CIX0"
    private const string Name = "proof";
    private readonly SnapshotIdentity _identity;
    private readonly SnapshotDescriptor _descriptor;
    private readonly ReadOnlyMemory<byte> _descriptorBytes;
    private readonly ReadOnlyMemory<byte> _signature;
    private readonly ReadOnlyMemory<byte> _tree;
    private readonly IReadOnlyList<ChunkProof> _chunks;

    internal RangeProof(
        SnapshotIdentity identity, ReadOnlyMemory<byte> descriptor, ReadOnlyMemory<byte> signature, long offset, int length, ReadOnlyMemory<byte> tree, IReadOnlyList<ChunkProof> chunks)
    {
        _identity = identity;
        _descriptorBytes = descriptor;
        _descriptor = SnapshotDescriptor.Read(Name, descriptor.Span);
        _signature = signature;
        _tree = tree;
        _chunks = chunks;
        Offset = offset;
        Length = length;
        if (offset < 0 || length <= 0 || length > MaxLength || length > _descriptor.Length - offset)
        {
            throw new RepositoryCorruptException(Name, 0, $"the range of {length} bytes from {offset} is empty, too long or outside the disk.");
        }
    }

    /// <summary>Position of the range on the disk, in bytes.</summary>
    public long Offset { get; }

    /// <summary>Length of the range in bytes.</summary>
    public int Length { get; }

    /// <summary>The root that the proof claims to lead to.</summary>
    public ContentDigest Root => _descriptor.Root;

    /// <summary>Length of the disk in bytes, which the descriptor binds together with the root.</summary>
    public long DiskLength => _descriptor.Length;

    /// <summary>The image of the snapshot.</summary>
    public string Image => _descriptor.Image;

    /// <summary>The snapshot's number in the image's sequence.</summary>
    public long Sequence => _descriptor.Sequence;

    /// <summary>When the snapshot was captured.</summary>
    public DateTimeOffset CreatedAt => _descriptor.CreatedAt;

    /// <summary>The snapshot's id where it was captured or copied to.</summary>
    public string SnapshotId => _identity.Session.ToString();

    /// <summary>The id of that repository.</summary>
    public string RepositoryId => _identity.Repository.ToString();

    /// <summary>Bytes of the part that leads from the root to the chunks.</summary>
    public int TreeBytes => _tree.Length;

    /// <summary>Reads a proof.</summary>
    /// <param name="source">Its bytes; they are copied.</param>
    /// <returns>The proof, which is not verified by this.</returns>
    /// <exception cref="CloudImageException">The bytes are no proof.</exception>
    public static RangeProof Parse(ReadOnlySpan<byte> source)
    {
        RecordReader reader = new(Name, source);
        if (reader.UInt32() != Magic || reader.UInt16() != 0)
        {
            throw reader.Corrupt("this is no proof of version 0.");
        }

        SnapshotIdentity identity = new(reader.Session(), reader.Session());
        byte[] descriptor = reader.Block().ToArray();
        byte[] signature = reader.Block().ToArray();
        long offset = reader.Int64();
        uint length = reader.UInt32();
        byte[] tree = reader.Block().ToArray();
        uint count = reader.UInt32();
        if (length > MaxLength || count > length)
        {
            throw reader.Corrupt($"a proof covers at most {MaxLength} bytes, and no more chunks than bytes.");
        }

        List<ChunkProof> chunks = [];
        for (uint index = 0; index < count; index++)
        {
            byte[] path = reader.Block().ToArray();
            chunks.Add(new ChunkProof(path, reader.Block().ToArray()));
        }

        reader.End();
        return new RangeProof(identity, descriptor, signature, offset, (int)length, tree, chunks);
    }

    /// <summary>Writes the proof as FORMAT.md describes it.</summary>
    /// <returns>Its bytes.</returns>
    public byte[] ToArray()
    {
        RecordWriter writer = new();
        writer.UInt32(Magic).UInt16(0).Session(_identity.Repository).Session(_identity.Session).Block(_descriptorBytes.Span).Block(_signature.Span).Int64(Offset).UInt32(Length)
            .Block(_tree.Span).UInt32(_chunks.Count);
        foreach (ChunkProof chunk in _chunks)
        {
            writer.Block(chunk.Path.Span).Block(chunk.Data.Span);
        }

        return writer.Written.ToArray();
    }

    /// <summary>Whether the bytes are those of the snapshot with a certain root.</summary>
    /// <param name="root">The root, from where it is trusted; of this proof only where its signature was found good.</param>
    /// <param name="data">Receives the bytes of the range; what is absent in a layer reads as zeros.</param>
    /// <returns>Whether the proof holds.</returns>
    public bool TryVerify(ContentDigest root, out byte[] data)
    {
        data = [];
        return root == _descriptor.Root && TryFollow(out IReadOnlyList<(long Chunk, ContentDigest Digest)> proven) && TryOpen(proven, out data);
    }

    /// <summary>Whether the bytes are those of the snapshot with a certain root.</summary>
    /// <param name="root">The root, from where it is trusted.</param>
    /// <returns>Whether the proof holds.</returns>
    public bool Verify(ContentDigest root) => TryVerify(root, out _);

    /// <summary>What the signature over the snapshot's descriptor, and with it over the root, is worth.</summary>
    /// <param name="trusted">The keys that are trusted.</param>
    /// <returns>The worth; a good one makes <see cref="Root"/> a root that is trusted.</returns>
    /// <exception cref="CloudImageException">The signature cannot be read.</exception>
    public SignatureStatus CheckSignature(IReadOnlyCollection<SnapshotSignatureKey> trusted)
    {
        ArgumentNullException.ThrowIfNull(trusted);
        return _signature.IsEmpty
            ? SignatureStatus.None
            : StoredSignature.Read(Name, _signature).Check(SignatureChecker.Message(_identity, _descriptorBytes.Span).Span, trusted);
    }

    internal bool TryFollow(out IReadOnlyList<(long Chunk, ContentDigest Digest)> proven)
    {
        TreeGeometry geometry = _descriptor.Geometry;
        TreeProofVerifier verifier = new(_descriptor.Suite, Offset / _descriptor.ChunkSize, (Offset + Length - 1) / _descriptor.ChunkSize, _tree.Span);
        bool isSound = verifier.TryCompute(geometry.Levels, out ContentDigest computed) && computed == _descriptor.Root;
        proven = verifier.Chunks;
        return isSound;
    }

    private bool TryOpen(IReadOnlyList<(long Chunk, ContentDigest Digest)> proven, out byte[] data)
    {
        data = [];
        if (proven.Count != _chunks.Count)
        {
            return false;
        }

        byte[] opened = new byte[Length];
        for (int index = 0; index < proven.Count; index++)
        {
            (long chunk, ContentDigest digest) = proven[index];
            (int from, int count) = Within(chunk);
            ReadOnlySpan<byte> groups = _chunks[index].Data.Span;
            int start = 0;
            if (_descriptor.Suite == ContentHashAlgorithm.Blake3)
            {
                start = Blake3Tree.GetProvenRange(_descriptor.ChunkSize, GroupSize, from, count).Start.Value;
                if (!Blake3Tree.VerifyRange(digest, _descriptor.ChunkSize, GroupSize, from, count, _chunks[index].Path.Span, groups))
                {
                    return false;
                }
            }
            else if (groups.Length != _descriptor.ChunkSize || !_chunks[index].Path.IsEmpty || SuiteHash.Data(_descriptor.Suite, groups) != digest)
            {
                return false;
            }

            groups.Slice(from - start, count).CopyTo(opened.AsSpan((int)((chunk * _descriptor.ChunkSize) + from - Offset)));
        }

        data = opened;
        return true;
    }

    /// <summary>The part of a chunk that the range touches.</summary>
    private (int From, int Count) Within(long chunk)
    {
        long start = chunk * _descriptor.ChunkSize;
        int from = (int)Math.Max(0, Offset - start);
        return (from, (int)Math.Min(_descriptor.ChunkSize, Offset + Length - start) - from);
    }
}
