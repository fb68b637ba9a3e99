using System;
using System.Buffers.Binary;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.Snapshots.Changes;

/// <summary>The first 96 bytes of a change stream: what it leads from and to. Little-endian.</summary>
internal sealed class ChangeStreamHeader
{
    public const int SizeInBytes = 96;
    private const uint Magic = 0x30444943; // "CID0"

    public required ContentHashAlgorithm Suite { get; init; }

    public required int ChunkSize { get; init; }

    public required long OlderLength { get; init; }

    public required long NewerLength { get; init; }

    public required ContentDigest OlderRoot { get; init; }

    public required ContentDigest NewerRoot { get; init; }

    public static ChangeStreamHeader Read(string name, ReadOnlySpan<byte> source)
    {
        if (BinaryPrimitives.ReadUInt32LittleEndian(source) != Magic || source[4] != 0 || source[6] != 0 || source[7] != 0 || source[92..].ContainsAnyExcept((byte)0))
        {
            throw new RepositoryCorruptException(name, 0, "this is no change stream of version 0.");
        }

        ContentHashAlgorithm suite = (ContentHashAlgorithm)source[5];
        uint chunkSize = BinaryPrimitives.ReadUInt32LittleEndian(source[8..]);
        long older = BinaryPrimitives.ReadInt64LittleEndian(source[12..]);
        long newer = BinaryPrimitives.ReadInt64LittleEndian(source[20..]);
        if (suite is not (ContentHashAlgorithm.Blake3 or ContentHashAlgorithm.Sha256) || !SnapshotRepositoryOptions.IsChunkSize(chunkSize) || older < 0 || newer < 0)
        {
            throw new RepositoryCorruptException(name, 5, "the header of the change stream holds impossible numbers.");
        }

        return new ChangeStreamHeader
        {
            Suite = suite,
            ChunkSize = (int)chunkSize,
            OlderLength = older,
            NewerLength = newer,
            OlderRoot = new ContentDigest(source.Slice(28, 32)),
            NewerRoot = new ContentDigest(source.Slice(60, 32)),
        };
    }

    public byte[] ToArray()
    {
        byte[] header = new byte[SizeInBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(header, Magic);
        header[5] = (byte)Suite;
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), ChunkSize);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(12), OlderLength);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(20), NewerLength);
        OlderRoot.CopyTo(header.AsSpan(28));
        NewerRoot.CopyTo(header.AsSpan(60));
        return header;
    }
}
