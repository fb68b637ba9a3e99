using System;
using System.Buffers.Binary;

namespace CloudImage.Sdk.Snapshots.Packs;

/// <summary>An entry of a pack's slot table: where a frame lies and what its header says. 52 bytes.</summary>
internal readonly record struct PackSlot(uint Offset, FrameHeader Header)
{
    public const int SizeInBytes = 4 + FrameHeader.SizeInBytes;

    public uint Length => (uint)Header.FrameLength;

    public static bool TryRead(ReadOnlySpan<byte> source, out PackSlot slot)
    {
        bool isValid = FrameHeader.TryRead(source[4..], out FrameHeader header);
        slot = new PackSlot(BinaryPrimitives.ReadUInt32LittleEndian(source), header);
        return isValid;
    }

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, Offset);
        Header.Write(destination[4..]);
    }
}
