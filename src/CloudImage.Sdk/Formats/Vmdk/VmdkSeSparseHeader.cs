using System;
using System.Buffers.Binary;
using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>The constant header of a seSparse extent; all fields u64, positions and sizes in sectors. Little-endian.</summary>
internal readonly struct VmdkSeSparseHeader
{
    private VmdkSeSparseHeader(ReadOnlySpan<byte> bytes)
    {
        Capacity = Field(bytes, 2);
        GrainSectors = Field(bytes, 3);
        TableSectors = Field(bytes, 4);
        VolatileHeaderSector = Field(bytes, 10);
        DirectorySector = Field(bytes, 16);
        DirectorySectors = Field(bytes, 17);
        TablesSector = Field(bytes, 18);
        TablesSectors = Field(bytes, 19);
        GrainsSector = Field(bytes, 24);
        GrainsSectors = Field(bytes, 25);
    }

    public ulong Capacity { get; }

    public ulong GrainSectors { get; }

    public ulong TableSectors { get; }

    public ulong VolatileHeaderSector { get; }

    public ulong DirectorySector { get; }

    public ulong DirectorySectors { get; }

    public ulong TablesSector { get; }

    public ulong TablesSectors { get; }

    public ulong GrainsSector { get; }

    public ulong GrainsSectors { get; }

    public long Length => (long)Capacity * VmdkConstants.SectorSize;

    public static bool HasMagic(ReadOnlySpan<byte> bytes) =>
        bytes.Length >= 16 && BinaryPrimitives.ReadUInt64LittleEndian(bytes) == VmdkConstants.SeSparseMagic;

    public static VmdkSeSparseHeader Parse(ReadOnlySpan<byte> bytes)
    {
        if (BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]) is var version && version != VmdkConstants.SeSparseVersion)
        {
            throw new UnsupportedDiskFeatureException(VmdkConstants.FormatName, 8, $"sesparse-version-{version:x}", $"The seSparse extent has version 0x{version:x}; 0x{VmdkConstants.SeSparseVersion:x} is known.");
        }

        VmdkSeSparseHeader header = new(bytes);
        header.Validate();
        return header;
    }

    private static ulong Field(ReadOnlySpan<byte> bytes, int index) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[(index * sizeof(ulong))..]);

    private void Validate()
    {
        // The two sizes are fixed in every known file, and qemu refuses others too.
        if (GrainSectors != 8)
        {
            throw new UnsupportedDiskFeatureException(VmdkConstants.FormatName, 24, "sesparse-grain", $"The seSparse grain has {GrainSectors} sectors; 8 are known.");
        }

        if (TableSectors != 64)
        {
            throw new UnsupportedDiskFeatureException(VmdkConstants.FormatName, 32, "sesparse-table", $"The seSparse grain table has {TableSectors} sectors; 64 are known.");
        }

        const ulong MaxSectors = long.MaxValue / VmdkConstants.SectorSize;
        ReadOnlySpan<ulong> positions = [Capacity, VolatileHeaderSector, DirectorySector, DirectorySectors, TablesSector, TablesSectors, GrainsSector, GrainsSectors];
        foreach (ulong position in positions)
        {
            if (position > MaxSectors)
            {
                throw new DiskFormatException(VmdkConstants.FormatName, 0, $"The seSparse header names sector {position}, beyond any file.");
            }
        }
    }
}
