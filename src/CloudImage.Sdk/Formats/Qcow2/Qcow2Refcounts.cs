using System;
using System.Buffers.Binary;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>Reference counts in a refcount block: 1 to 64 bits each, big-endian; those below 8 bits fill a byte from its lowest bits.</summary>
internal static class Qcow2Refcounts
{
    public static ulong Get(ReadOnlySpan<byte> block, long index, int order) => order switch
    {
        6 => BinaryPrimitives.ReadUInt64BigEndian(block[(int)(index * 8)..]),
        5 => BinaryPrimitives.ReadUInt32BigEndian(block[(int)(index * 4)..]),
        4 => BinaryPrimitives.ReadUInt16BigEndian(block[(int)(index * 2)..]),
        3 => block[(int)index],
        _ => (ulong)(block[(int)((index << order) >> 3)] >> (int)((index << order) & 7)) & ((1UL << (1 << order)) - 1),
    };

    public static void Set(Span<byte> block, long index, int order, ulong value)
    {
        switch (order)
        {
            case 6:
                BinaryPrimitives.WriteUInt64BigEndian(block[(int)(index * 8)..], value);
                break;
            case 5:
                BinaryPrimitives.WriteUInt32BigEndian(block[(int)(index * 4)..], (uint)value);
                break;
            case 4:
                BinaryPrimitives.WriteUInt16BigEndian(block[(int)(index * 2)..], (ushort)value);
                break;
            case 3:
                block[(int)index] = (byte)value;
                break;
            default:
                int shift = (int)((index << order) & 7);
                int mask = ((1 << (1 << order)) - 1) << shift;
                ref byte cell = ref block[(int)((index << order) >> 3)];
                cell = (byte)((cell & ~mask) | ((int)value << shift));
                break;
        }
    }
}
