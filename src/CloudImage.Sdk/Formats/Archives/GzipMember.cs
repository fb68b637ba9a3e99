using System;
using System.Buffers;
using System.Buffers.Binary;
using System.IO;
using System.IO.Compression;
using System.IO.Hashing;

namespace CloudImage.Sdk.Formats.Archives;

/// <summary>Encodes and decodes gzip members that say how long they are, so that they can be decoded in any order and on many threads.</summary>
/// <remarks>A chain of such members is an ordinary gzip file to every other program (RFC 1952, section 2.2).</remarks>
internal static class GzipMember
{
    // Deflate never needs more than a stored block's 5 bytes for every 65535, but an encoder is free to split finer.
    private const int StoredBlockLength = 65535;

    /// <summary>Encodes one member into a buffer rented from the shared pool.</summary>
    /// <returns>The buffer, and how much of it is the member.</returns>
    public static (byte[] Rented, int Length) Encode(ReadOnlySpan<byte> plain, ZLibCompressionOptions options)
    {
        int storedLength = plain.Length + (5 * ((plain.Length / StoredBlockLength) + 1));
        byte[] rented = ArrayPool<byte>.Shared.Rent(GzipConstants.SizedHeaderLength + storedLength + GzipConstants.TrailerLength);
        int bodyLength = TryDeflate(plain, rented.AsMemory(GzipConstants.SizedHeaderLength, storedLength), options);
        if (bodyLength < 0)
        {
            bodyLength = Store(plain, rented.AsSpan(GzipConstants.SizedHeaderLength));
        }

        int length = GzipConstants.SizedHeaderLength + bodyLength + GzipConstants.TrailerLength;
        WriteHeader(rented, length, plain.Length);
        Span<byte> trailer = rented.AsSpan(length - GzipConstants.TrailerLength);
        BinaryPrimitives.WriteUInt32LittleEndian(trailer, Crc32.HashToUInt32(plain));
        BinaryPrimitives.WriteUInt32LittleEndian(trailer[4..], (uint)plain.Length);
        return (rented, length);
    }

    /// <summary>Reads the header of a member that says how long it is.</summary>
    /// <returns>Whether the bytes are such a header, with lengths that can be.</returns>
    public static bool TryReadSizes(ReadOnlySpan<byte> header, out int length, out int plainLength)
    {
        length = 0;
        plainLength = 0;
        if (header.Length < GzipConstants.SizedHeaderLength || header[0] != 0x1f || header[1] != 0x8b || header[2] != 8
            || header[3] != GzipConstants.FlagExtra || header[12] != GzipConstants.SubfieldId1 || header[13] != GzipConstants.SubfieldId2
            || BinaryPrimitives.ReadUInt16LittleEndian(header[10..]) != 4 + GzipConstants.SubfieldLength
            || BinaryPrimitives.ReadUInt16LittleEndian(header[14..]) != GzipConstants.SubfieldLength)
        {
            return false;
        }

        length = BinaryPrimitives.ReadInt32LittleEndian(header[16..]);
        plainLength = BinaryPrimitives.ReadInt32LittleEndian(header[20..]);
        return plainLength is >= 0 and <= GzipConstants.MaxMemberLength
            && length > GzipConstants.SizedHeaderLength + GzipConstants.TrailerLength && length <= 2 * GzipConstants.MaxMemberLength;
    }

    /// <summary>Decodes a whole member, and checks its checksum.</summary>
    /// <returns>Whether it holds exactly as many bytes as the buffer, and they are the ones that were encoded.</returns>
    public static unsafe bool TryDecode(ReadOnlySpan<byte> member, Span<byte> plain)
    {
        ReadOnlySpan<byte> body = member[GzipConstants.SizedHeaderLength..^GzipConstants.TrailerLength];
        fixed (byte* pointer = body)
        {
            using UnmanagedMemoryStream source = new(pointer, body.Length);
            using DeflateStream inflate = new(source, CompressionMode.Decompress);
            try
            {
                if (inflate.ReadAtLeast(plain, plain.Length, throwOnEndOfStream: false) < plain.Length || inflate.ReadByte() >= 0)
                {
                    return false;
                }
            }
            catch (InvalidDataException)
            {
                return false;
            }
        }

        return Crc32.HashToUInt32(plain) == BinaryPrimitives.ReadUInt32LittleEndian(member[^GzipConstants.TrailerLength..]);
    }

    private static void WriteHeader(Span<byte> header, int length, int plainLength)
    {
        header[..GzipConstants.SizedHeaderLength].Clear();
        header[0] = 0x1f;
        header[1] = 0x8b;
        header[2] = 8;
        header[3] = GzipConstants.FlagExtra;
        header[9] = 255;
        BinaryPrimitives.WriteUInt16LittleEndian(header[10..], 4 + GzipConstants.SubfieldLength);
        header[12] = GzipConstants.SubfieldId1;
        header[13] = GzipConstants.SubfieldId2;
        BinaryPrimitives.WriteUInt16LittleEndian(header[14..], GzipConstants.SubfieldLength);
        BinaryPrimitives.WriteInt32LittleEndian(header[16..], length);
        BinaryPrimitives.WriteInt32LittleEndian(header[20..], plainLength);
    }

    private static int TryDeflate(ReadOnlySpan<byte> plain, Memory<byte> body, ZLibCompressionOptions options)
    {
        using FixedBufferStream target = new(body);
        using (DeflateStream deflate = new(target, options, leaveOpen: true))
        {
            deflate.Write(plain);
        }

        return target.HasOverflowed ? -1 : target.Count;
    }

    private static int Store(ReadOnlySpan<byte> plain, Span<byte> body)
    {
        int position = 0;
        do
        {
            int count = Math.Min(plain.Length, StoredBlockLength);
            body[position] = (byte)(count == plain.Length ? 1 : 0);
            BinaryPrimitives.WriteUInt16LittleEndian(body[(position + 1)..], (ushort)count);
            BinaryPrimitives.WriteUInt16LittleEndian(body[(position + 3)..], (ushort)~count);
            plain[..count].CopyTo(body[(position + 5)..]);
            position += 5 + count;
            plain = plain[count..];
        }
        while (!plain.IsEmpty);
        return position;
    }
}
