using System;
using System.Numerics;
using System.Runtime.InteropServices;

namespace CloudImage.Sdk.Hashing;

/// <summary>CRC-32C (Castagnoli), the checksum of iSCSI, VHDX, ext4, XFS and Btrfs.</summary>
/// <remarks>Reflected, polynomial 0x1EDC6F41, initial value and final complement 0xFFFFFFFF. Safe from any thread.</remarks>
public static class Crc32C
{
    /// <summary>Computes the checksum of some bytes.</summary>
    /// <param name="source">The bytes.</param>
    /// <returns>The checksum; 0xE3069283 for the ASCII digits 1 to 9, and 0 for nothing.</returns>
    public static uint HashToUInt32(ReadOnlySpan<byte> source) => Append(0, source);

    /// <summary>Goes on with a checksum over more bytes.</summary>
    /// <param name="checksum">The checksum of the bytes so far; 0 at the start.</param>
    /// <param name="source">The bytes that follow.</param>
    /// <returns>The checksum of all.</returns>
    public static uint Append(uint checksum, ReadOnlySpan<byte> source) => ~Update(~checksum, source);

    /// <summary>Goes on with a bare remainder: no initial value, no complement, as ext4 and others chain it.</summary>
    internal static uint Update(uint remainder, ReadOnlySpan<byte> source)
    {
        while (source.Length >= sizeof(ulong))
        {
            ulong word = MemoryMarshal.Read<ulong>(source);
            remainder = BitOperations.Crc32C(remainder, BitConverter.IsLittleEndian ? word : Reverse(word));
            source = source[sizeof(ulong)..];
        }

        foreach (byte value in source)
        {
            remainder = BitOperations.Crc32C(remainder, value);
        }

        return remainder;
    }

    private static ulong Reverse(ulong word) => System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(word);
}
