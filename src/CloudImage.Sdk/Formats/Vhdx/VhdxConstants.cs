using System;
using CloudImage.Sdk.Hashing;

namespace CloudImage.Sdk.Formats.Vhdx;

/// <summary>Numbers of the VHDX format, MS-VHDX. Every field on disk is little endian.</summary>
internal static class VhdxConstants
{
    public const string FormatName = "vhdx";
    public const int MiB = 1 << 20;

    /// <summary>The file type identifier is at 0.</summary>
    public const int CreatorLength = 512;

    public const int Header1Offset = 64 << 10;
    public const int Header2Offset = 128 << 10;
    public const int HeaderLength = 4096;
    public const int RegionTable1Offset = 192 << 10;
    public const int RegionTable2Offset = 256 << 10;
    public const int RegionTableLength = 64 << 10;
    public const int MaxRegions = 2047;
    public const int MetadataTableLength = 64 << 10;
    public const int MaxMetadataEntries = 2047;
    public const int LogSectorSize = 4096;
    public const uint HeaderSignature = 0x64616568;
    public const uint RegionSignature = 0x69676572;
    public const uint LogEntrySignature = 0x65676F6C;
    public const uint LogZeroSignature = 0x6F72657A;
    public const uint LogDescriptorSignature = 0x63736564;
    public const uint LogDataSignature = 0x61746164;

    public const int MinBlockSize = MiB;
    public const int MaxBlockSize = 256 * MiB;

    /// <summary>The largest disk: 64 TiB.</summary>
    public const long MaxLength = 64L << 40;

    /// <summary>Sectors that one sector bitmap block speaks for: its 1 MiB has one bit for each.</summary>
    public const long SectorsInChunk = 1L << 23;

    public static readonly Guid BatRegion = new("2DC27766-F623-4200-9D64-115E9BFD4A08");
    public static readonly Guid MetadataRegion = new("8B7CA206-4790-4B9A-B8FE-575F050F886E");
    public static readonly Guid FileParametersItem = new("CAA16737-FA36-4D43-B3B6-33F0AA44E76B");
    public static readonly Guid VirtualDiskSizeItem = new("2FA54224-CD1B-4876-B211-5DBED83BF4B8");
    public static readonly Guid DiskIdItem = new("BECA12AB-B2E6-4523-93EF-C309E000C746");
    public static readonly Guid LogicalSectorSizeItem = new("8141BF1D-A96F-4709-BA47-F233A8FAAB5F");
    public static readonly Guid PhysicalSectorSizeItem = new("CDA348C7-445D-4471-9CC9-E9885251C556");
    public static readonly Guid ParentLocatorItem = new("A8D35F2D-B30B-454D-ABF7-D3D84834AB0C");
    public static readonly Guid ParentLocatorType = new("B04AEFB7-D19E-4A81-B789-25B8E9445913");

    public static ReadOnlySpan<byte> FileSignature => "vhdxfile"u8;

    public static ReadOnlySpan<byte> MetadataSignature => "metadata"u8;

    /// <summary>CRC-32C of a structure with the four bytes at 4, where its checksum lies, taken as zero.</summary>
    public static uint Checksum(ReadOnlySpan<byte> structure)
    {
        uint checksum = Crc32C.Append(0, structure[..4]);
        checksum = Crc32C.Append(checksum, [0, 0, 0, 0]);
        return Crc32C.Append(checksum, structure[8..]);
    }

    public static long Align(long value, long alignment) => (value + alignment - 1) / alignment * alignment;
}
