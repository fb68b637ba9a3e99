using System;
using System.Buffers.Binary;
using CloudImage.Sdk.Compression;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.Snapshots.Packs;

/// <summary>The 48 bytes before a stored chunk or node, little-endian; they are the same in the slot table but for the magic.</summary>
internal readonly record struct FrameHeader(FrameKind Kind, ChunkCodecId Codec, bool IsSealed, int PlainLength, int PayloadLength, ContentDigest Id)
{
    public const int SizeInBytes = 48;
    public const int MaxPlainLength = 1 << 24;
    private const uint Magic = 0x30464943; // "CIF0"

    /// <summary>Length of the frame with this header.</summary>
    public int FrameLength => SizeInBytes + PayloadLength;

    public static bool TryRead(ReadOnlySpan<byte> source, out FrameHeader header)
    {
        header = default;
        if (source.Length < SizeInBytes || BinaryPrimitives.ReadUInt32LittleEndian(source) != Magic || source[4] != 0
            || source[5] > (byte)ChunkCodecId.Zstd || source[6] > 1 || source[7] > (byte)FrameKind.Patch)
        {
            return false;
        }

        uint plain = BinaryPrimitives.ReadUInt32LittleEndian(source[8..]);
        uint payload = BinaryPrimitives.ReadUInt32LittleEndian(source[12..]);
        if (plain is 0 or > MaxPlainLength || payload is 0 or > MaxPlainLength + 64)
        {
            return false;
        }

        header = new FrameHeader((FrameKind)source[7], (ChunkCodecId)source[5], source[6] == 1, (int)plain, (int)payload, new ContentDigest(source.Slice(16, 32)));
        return true;
    }

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, Magic);
        destination[4] = 0;
        destination[5] = (byte)Codec;
        destination[6] = IsSealed ? (byte)1 : (byte)0;
        destination[7] = (byte)Kind;
        BinaryPrimitives.WriteInt32LittleEndian(destination[8..], PlainLength);
        BinaryPrimitives.WriteInt32LittleEndian(destination[12..], PayloadLength);
        Id.CopyTo(destination[16..]);
    }
}
