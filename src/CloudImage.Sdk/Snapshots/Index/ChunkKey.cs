using System;
using System.Buffers.Binary;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.Snapshots.Index;

/// <summary>The first 16 bytes of a chunk's id, which an index is ordered by.</summary>
internal readonly record struct ChunkKey(ulong High, ulong Low) : IComparable<ChunkKey>
{
    public static ChunkKey Of(ContentDigest id)
    {
        Span<byte> bytes = stackalloc byte[ContentDigest.SizeInBytes];
        id.CopyTo(bytes);
        return Read(bytes);
    }

    public static ChunkKey Read(ReadOnlySpan<byte> source) => new(BinaryPrimitives.ReadUInt64BigEndian(source), BinaryPrimitives.ReadUInt64BigEndian(source[8..]));

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, High);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], Low);
    }

    public int CompareTo(ChunkKey other) => High != other.High ? High.CompareTo(other.High) : Low.CompareTo(other.Low);
}
