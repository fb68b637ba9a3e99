using System;
using System.Buffers.Binary;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using CloudImage.Sdk.Disks;
using CloudImage.Sdk.IO;

namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>The header of a version 1 image. Big-endian, 48 bytes. Immutable.</summary>
internal sealed class Qcow1Header
{
    public const string FormatName = "qcow";
    public const int Length = 48;
    private const int MaxClusterBits = 16;
    private const int MinL2Bits = 6;
    private const int MaxL2Bits = 13;

    private Qcow1Header()
    {
    }

    public string? BackingFileName { get; private set; }

    public long VirtualSize { get; private set; }

    public int ClusterBits { get; private set; }

    public int ClusterSize => 1 << ClusterBits;

    public int L2Bits { get; private set; }

    public int CryptMethod { get; private set; }

    public long L1Offset { get; private set; }

    /// <summary>Entries that the L1 table has: as many as the disk needs, the header does not say.</summary>
    public long L1Entries => VirtualSize == 0 ? 0 : ((VirtualSize - 1) >> (ClusterBits + L2Bits)) + 1;

    public static async ValueTask<Qcow1Header> ReadAsync(VirtualDisk container, DiskReadLimits limits, IoMode mode, CancellationToken cancellationToken)
    {
        byte[] bytes = new byte[Length];
        int count = await container.ReadAsync(bytes, 0, mode, cancellationToken).ConfigureAwait(false);
        if (count < Length || BinaryPrimitives.ReadUInt32BigEndian(bytes) != Qcow2Constants.Magic || BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(4)) != 1)
        {
            throw Error(0, "the header is too short, or has not the magic 'QFI\\xfb' and version 1.");
        }

        Qcow1Header header = Parse(bytes, limits);
        header.BackingFileName = await ReadBackingNameAsync(container, bytes, mode, cancellationToken).ConfigureAwait(false);
        return header;
    }

    public static DiskFormatException Error(long fileOffset, string message) => new(FormatName, fileOffset, message);

    private static Qcow1Header Parse(ReadOnlySpan<byte> bytes, DiskReadLimits limits)
    {
        Qcow1Header header = new()
        {
            VirtualSize = BinaryPrimitives.ReadInt64BigEndian(bytes[24..]),
            ClusterBits = bytes[32],
            L2Bits = bytes[33],
            CryptMethod = (int)Math.Min(BinaryPrimitives.ReadUInt32BigEndian(bytes[36..]), int.MaxValue),
            L1Offset = BinaryPrimitives.ReadInt64BigEndian(bytes[40..]),
        };
        if (header.ClusterBits is < Qcow2Constants.MinClusterBits or > MaxClusterBits || header.L2Bits is < MinL2Bits or > MaxL2Bits)
        {
            throw Error(32, $"{header.ClusterBits} cluster bits and {header.L2Bits} L2 bits are not between {Qcow2Constants.MinClusterBits} and {MaxClusterBits}, and {MinL2Bits} and {MaxL2Bits}.");
        }

        if (header.VirtualSize < 0 || header.VirtualSize > limits.MaxVirtualSize || header.L1Entries * 8 > limits.MaxMetadataMemory)
        {
            throw Error(24, $"a virtual size of 0x{header.VirtualSize:x} bytes, or its L1 table, exceeds DiskReadLimits.");
        }

        if (header.CryptMethod > Qcow2Constants.CryptAes)
        {
            throw Error(36, $"the encryption method {header.CryptMethod} is not known; 0 (none) and 1 (AES) are.");
        }

        return header.L1Offset >= 0 ? header : throw Error(40, $"the L1 offset 0x{header.L1Offset:x} is beyond 2^63.");
    }

    private static async ValueTask<string?> ReadBackingNameAsync(VirtualDisk container, byte[] bytes, IoMode mode, CancellationToken cancellationToken)
    {
        ulong fileOffset = BinaryPrimitives.ReadUInt64BigEndian(bytes.AsSpan(8));
        uint length = BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(16));
        if (fileOffset == 0)
        {
            return null;
        }

        if (length > Qcow2Constants.MaxBackingNameLength || fileOffset > (ulong)container.Length || length > (ulong)container.Length - fileOffset)
        {
            throw Error(8, $"the backing file's name, {length} bytes at 0x{fileOffset:x}, is too long or lies outside the image.");
        }

        byte[] name = new byte[length];
        await container.ReadAsync(name, (long)fileOffset, mode, cancellationToken).ConfigureAwait(false);
        return Encoding.UTF8.GetString(name);
    }
}
