using System;
using System.Buffers.Binary;
using System.Text;

namespace CloudImage.Sdk.Formats.Vhd;

/// <summary>The 512 bytes at the end of every image, and at the start of those with a block table. Big endian.</summary>
internal sealed class VhdFooter
{
    private const int ChecksumOffset = 64;

    public uint Features { get; init; } = 2;

    public uint Version { get; init; } = VhdConstants.FileFormatVersion;

    /// <summary>Position of the dynamic header; all ones for a fixed disk.</summary>
    public ulong DataOffset { get; init; }

    /// <summary>Seconds since the start of the year 2000, UTC.</summary>
    public uint Timestamp { get; init; }

    public string CreatorApplication { get; init; } = "win ";

    public uint CreatorVersion { get; init; } = 0x000A0000;

    public uint CreatorHost { get; init; } = 0x5769326B;

    public ulong OriginalSize { get; init; }

    public ulong CurrentSize { get; init; }

    public VhdGeometry Geometry { get; init; }

    public VhdDiskType Type { get; init; }

    public Guid UniqueId { get; init; }

    public bool HasSavedState { get; init; }

    /// <summary>Whether the checksum that was read is right.</summary>
    public bool IsChecksumValid { get; private init; } = true;

    /// <summary>Length of the disk in bytes that the footer stands for.</summary>
    /// <remarks>
    /// Virtual PC, and qemu in its name, mean the product of the geometry; all others the current size. The largest
    /// geometry says nothing, and no geometry neither.
    /// </remarks>
    public ulong DiskLength
    {
        get
        {
            long sectors = Geometry.TotalSectors;
            bool usesGeometry = CreatorApplication is "vpc " or "qemu" && sectors is > 0 and not VhdGeometry.MaxSectors;
            return usesGeometry ? (ulong)sectors * VhdConstants.SectorSize : CurrentSize;
        }
    }

    /// <summary>Reads a footer; one of 511 bytes is taken as if a zero followed.</summary>
    /// <returns>The footer; null where the cookie is missing.</returns>
    public static VhdFooter? Read(ReadOnlySpan<byte> source)
    {
        if (source.Length < VhdConstants.OldFooterLength || !source.StartsWith(VhdConstants.FooterCookie))
        {
            return null;
        }

        return new VhdFooter
        {
            Features = BinaryPrimitives.ReadUInt32BigEndian(source[8..]),
            Version = BinaryPrimitives.ReadUInt32BigEndian(source[12..]),
            DataOffset = BinaryPrimitives.ReadUInt64BigEndian(source[16..]),
            Timestamp = BinaryPrimitives.ReadUInt32BigEndian(source[24..]),
            CreatorApplication = Encoding.Latin1.GetString(source.Slice(28, 4)),
            CreatorVersion = BinaryPrimitives.ReadUInt32BigEndian(source[32..]),
            CreatorHost = BinaryPrimitives.ReadUInt32BigEndian(source[36..]),
            OriginalSize = BinaryPrimitives.ReadUInt64BigEndian(source[40..]),
            CurrentSize = BinaryPrimitives.ReadUInt64BigEndian(source[48..]),
            Geometry = new VhdGeometry(BinaryPrimitives.ReadUInt16BigEndian(source[56..]), source[58], source[59]),
            Type = (VhdDiskType)BinaryPrimitives.ReadUInt32BigEndian(source[60..]),
            UniqueId = new Guid(source.Slice(68, 16), bigEndian: true),
            HasSavedState = source[84] != 0,
            IsChecksumValid = BinaryPrimitives.ReadUInt32BigEndian(source[ChecksumOffset..]) == VhdConstants.Checksum(source[..Math.Min(source.Length, VhdConstants.FooterLength)], ChecksumOffset),
        };
    }

    /// <summary>The same footer for a disk of another length.</summary>
    public VhdFooter WithLength(long length) => new()
    {
        Features = Features,
        Version = Version,
        DataOffset = DataOffset,
        Timestamp = Timestamp,
        // With a creator whose size is its geometry, a size that is no geometry could not be said.
        CreatorApplication = CreatorApplication is "vpc " or "qemu" ? "win " : CreatorApplication,
        CreatorVersion = CreatorVersion,
        CreatorHost = CreatorHost,
        OriginalSize = OriginalSize,
        CurrentSize = (ulong)length,
        Geometry = VhdGeometry.Of(length),
        Type = Type,
        UniqueId = UniqueId,
        HasSavedState = HasSavedState,
    };

    /// <summary>The bytes of the footer, with their checksum.</summary>
    public byte[] ToArray()
    {
        byte[] bytes = new byte[VhdConstants.FooterLength];
        Span<byte> target = bytes;
        VhdConstants.FooterCookie.CopyTo(target);
        BinaryPrimitives.WriteUInt32BigEndian(target[8..], Features);
        BinaryPrimitives.WriteUInt32BigEndian(target[12..], Version);
        BinaryPrimitives.WriteUInt64BigEndian(target[16..], DataOffset);
        BinaryPrimitives.WriteUInt32BigEndian(target[24..], Timestamp);
        Encoding.Latin1.GetBytes(CreatorApplication, target[28..32]);
        BinaryPrimitives.WriteUInt32BigEndian(target[32..], CreatorVersion);
        BinaryPrimitives.WriteUInt32BigEndian(target[36..], CreatorHost);
        BinaryPrimitives.WriteUInt64BigEndian(target[40..], OriginalSize);
        BinaryPrimitives.WriteUInt64BigEndian(target[48..], CurrentSize);
        BinaryPrimitives.WriteUInt16BigEndian(target[56..], (ushort)Geometry.Cylinders);
        target[58] = (byte)Geometry.Heads;
        target[59] = (byte)Geometry.SectorsPerTrack;
        BinaryPrimitives.WriteUInt32BigEndian(target[60..], (uint)Type);
        UniqueId.TryWriteBytes(target[68..], bigEndian: true, out _);
        target[84] = HasSavedState ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt32BigEndian(target[ChecksumOffset..], VhdConstants.Checksum(target, ChecksumOffset));
        return bytes;
    }
}
