using System;
using System.Buffers.Binary;
using CloudImage.Sdk.Compression;
using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>Compressed grains: a marker (guest sector u64, length u32), then one zlib stream (RFC 1950). Stateless.</summary>
internal static class VmdkGrainCodec
{
    // A context for each thread that encodes: it costs nothing to use again.
    [ThreadStatic]
    private static DeflateEncoder? s_encoder;

    // What blocks that are stored as they are, and the encoder's writing in whole words, take beside the content.
    private const int EncodeSlack = 256;

    /// <summary>The longest zlib stream that is accepted for a grain: stored blocks and flushes make it longer than the grain.</summary>
    public static int MaxEncodedLength(int grainSize) => (2 * grainSize) + 4096;

    /// <summary>Room that <see cref="Encode"/> needs for any content, marker and padding included.</summary>
    public static int EncodeBufferLength(int grainSize) =>
        VmdkConstants.GrainMarkerSize + grainSize + EncodeSlack + VmdkConstants.SectorSize;

    /// <summary>Reads a marker and checks it against the grain that is expected there.</summary>
    /// <returns>Length of the zlib stream behind the marker.</returns>
    public static int ReadMarker(ReadOnlySpan<byte> marker, long guestSector, int grainSize, bool checkPosition, long fileOffset)
    {
        ulong sector = BinaryPrimitives.ReadUInt64LittleEndian(marker);
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(marker[8..]);
        if (checkPosition && sector != (ulong)guestSector)
        {
            throw new DiskFormatException(VmdkConstants.FormatName, fileOffset, $"The marker belongs to the grain of sector {sector}; that of sector {guestSector} was expected.");
        }

        if (length == 0 || length > (uint)MaxEncodedLength(grainSize))
        {
            throw new DiskFormatException(VmdkConstants.FormatName, fileOffset + 8, $"The compressed grain has {length} bytes; 1 to {MaxEncodedLength(grainSize)} were expected.");
        }

        return (int)length;
    }

    /// <summary>Inflates a grain.</summary>
    /// <param name="buffer">Holds the zlib stream.</param>
    /// <param name="start">Where it begins in the buffer.</param>
    /// <param name="length">How long it is at most.</param>
    /// <param name="destination">Receives the grain.</param>
    /// <param name="required">How many bytes the stream must give; what is missing above that is zeros.</param>
    /// <param name="fileOffset">Position of the stream in the file, for messages.</param>
    public static void Decode(byte[] buffer, int start, int length, Span<byte> destination, int required, long fileOffset)
    {
        DeflateStatus status = DeflateDecoder.ForThread.DecodeZlib(buffer.AsSpan(start, length), destination, out int count);
        if (status is DeflateStatus.Damaged or DeflateStatus.Truncated)
        {
            throw new DiskFormatException(VmdkConstants.FormatName, fileOffset, status == DeflateStatus.Damaged
                ? "The compressed grain is damaged."
                : "The compressed grain is damaged: it ends early.");
        }

        if (status == DeflateStatus.Full || count < required)
        {
            throw new DiskFormatException(VmdkConstants.FormatName, fileOffset, status == DeflateStatus.Full
                ? $"The compressed grain expands beyond the {destination.Length} bytes of a grain."
                : $"The compressed grain expands to {count} bytes; {required} were expected.");
        }

        destination[count..].Clear();
    }

    /// <summary>Deflates a grain behind its marker and pads it to whole sectors.</summary>
    /// <param name="grain">A whole grain.</param>
    /// <param name="guestSector">Where it lies on the disk.</param>
    /// <param name="buffer">At least <see cref="EncodeBufferLength"/> long.</param>
    /// <returns>Length in bytes, a multiple of the sector.</returns>
    public static int Encode(ReadOnlySpan<byte> grain, long guestSector, byte[] buffer)
    {
        int length = Deflate(grain, buffer);
        BinaryPrimitives.WriteInt64LittleEndian(buffer, guestSector);
        BinaryPrimitives.WriteInt32LittleEndian(buffer.AsSpan(8), length);
        int end = VmdkConstants.GrainMarkerSize + length;
        int padded = (end + VmdkConstants.SectorSize - 1) / VmdkConstants.SectorSize * VmdkConstants.SectorSize;
        buffer.AsSpan(end, padded - end).Clear();
        return padded;
    }

    private static int Deflate(ReadOnlySpan<byte> grain, byte[] buffer)
    {
        Span<byte> room = buffer.AsSpan(VmdkConstants.GrainMarkerSize, buffer.Length - VmdkConstants.GrainMarkerSize - VmdkConstants.SectorSize);
        int length = (s_encoder ??= new DeflateEncoder()).EncodeZlib(grain, room);
        return length >= 0 ? length : Store(grain, room);
    }

    // RFC 1950 around the stored blocks of RFC 1951: the way out where compression makes a grain longer than its bound.
    private static int Store(ReadOnlySpan<byte> grain, Span<byte> destination)
    {
        destination[0] = 0x78;
        destination[1] = 0x01;
        int at = 2;
        for (int done = 0; done < grain.Length;)
        {
            int count = Math.Min(ushort.MaxValue, grain.Length - done);
            destination[at] = done + count == grain.Length ? (byte)1 : (byte)0;
            BinaryPrimitives.WriteUInt16LittleEndian(destination[(at + 1)..], (ushort)count);
            BinaryPrimitives.WriteUInt16LittleEndian(destination[(at + 3)..], (ushort)~count);
            grain.Slice(done, count).CopyTo(destination[(at + 5)..]);
            at += 5 + count;
            done += count;
        }

        BinaryPrimitives.WriteUInt32BigEndian(destination[at..], Adler32.Compute(grain));
        return at + 4;
    }
}
