using System;

namespace CloudImage.Sdk.Formats.Vhd;

/// <summary>Numbers of the Virtual Hard Disk Image Format Specification, version 1.0. Every field on disk is big endian.</summary>
internal static class VhdConstants
{
    public const string FormatName = "vhd";
    public const int SectorSize = 512;
    public const int FooterLength = 512;

    /// <summary>Products older than Virtual PC 2004 wrote a footer without its last byte.</summary>
    public const int OldFooterLength = 511;

    public const int DynamicHeaderLength = 1024;
    public const int LocatorCount = 8;
    public const uint UnallocatedEntry = 0xFFFFFFFF;
    public const uint FileFormatVersion = 0x00010000;
    public const int DefaultBlockSize = 2 << 20;

    /// <summary>Blocks' data begins at a multiple of this, as Windows places them: disks with 4 KiB sectors ask for it.</summary>
    public const int DataAlignment = 4096;

    /// <summary>The largest disk with a block table: 2040 GiB.</summary>
    public const long MaxDynamicLength = 2040L << 30;

    /// <summary>The largest fixed disk that is made: 64 TiB.</summary>
    public const long MaxFixedLength = 64L << 40;

    /// <summary>Parent locator, Windows, relative to the child, UTF-16 little endian.</summary>
    public const uint LocatorRelative = 0x57327275;

    /// <summary>Parent locator, Windows, absolute, UTF-16 little endian.</summary>
    public const uint LocatorAbsolute = 0x57326B75;

    /// <summary>Parent locator, Macintosh, a file URL in UTF-8.</summary>
    public const uint LocatorMacUrl = 0x4D616358;

    public static ReadOnlySpan<byte> FooterCookie => "conectix"u8;

    public static ReadOnlySpan<byte> HeaderCookie => "cxsparse"u8;

    /// <summary>Ones' complement of the sum of all bytes, with the field of the sum taken as zero.</summary>
    public static uint Checksum(ReadOnlySpan<byte> structure, int fieldOffset)
    {
        uint sum = 0;
        foreach (byte value in structure)
        {
            sum += value;
        }

        foreach (byte value in structure.Slice(fieldOffset, 4))
        {
            sum -= value;
        }

        return ~sum;
    }
}
