using System;
using System.Buffers.Binary;
using CloudImage.Sdk.Compression;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.Snapshots.Changes;

/// <summary>The 56 bytes before each change of a change stream: a chunk with its coded bytes behind it, a range of zeros, or the end. Little-endian.</summary>
internal readonly record struct ChangeRecord(byte Kind, ChunkCodecId Codec, int StoredLength, long Offset, long Length, ContentDigest Digest)
{
    public const int SizeInBytes = 56;
    public const byte End = 0;
    public const byte Zero = 1;
    public const byte Chunk = 2;

    public static bool TryRead(ReadOnlySpan<byte> source, out ChangeRecord record)
    {
        record = new ChangeRecord(
            source[0], (ChunkCodecId)source[1], BinaryPrimitives.ReadInt32LittleEndian(source[4..]), BinaryPrimitives.ReadInt64LittleEndian(source[8..]),
            BinaryPrimitives.ReadInt64LittleEndian(source[16..]), new ContentDigest(source.Slice(24, 32)));
        bool isChunk = record.Kind == Chunk;
        return record.Kind <= Chunk && source[1] <= (byte)ChunkCodecId.Zstd && source[2] == 0 && source[3] == 0
            && (isChunk ? record.StoredLength > 0 : record.StoredLength == 0) && record.Offset >= 0 && record.Length >= 0;
    }

    public void Write(Span<byte> destination)
    {
        destination[0] = Kind;
        destination[1] = (byte)Codec;
        destination[2] = destination[3] = 0;
        BinaryPrimitives.WriteInt32LittleEndian(destination[4..], StoredLength);
        BinaryPrimitives.WriteInt64LittleEndian(destination[8..], Offset);
        BinaryPrimitives.WriteInt64LittleEndian(destination[16..], Length);
        Digest.CopyTo(destination[24..]);
    }
}
