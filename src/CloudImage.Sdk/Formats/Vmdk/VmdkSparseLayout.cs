using System;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>Where the metadata of a new hosted sparse extent lies, in sectors: the layout of VMware and qemu, grains behind it.</summary>
internal readonly struct VmdkSparseLayout
{
    public const int TableSectors = VmdkConstants.TableEntries * sizeof(uint) / VmdkConstants.SectorSize;
    private const int GrainSectors = VmdkConstants.GrainSize / VmdkConstants.SectorSize;

    public VmdkSparseLayout(long length)
    {
        Sectors = length / VmdkConstants.SectorSize;
        TableCount = (Sectors + (GrainSectors * VmdkConstants.TableEntries) - 1) / (GrainSectors * VmdkConstants.TableEntries);
        long directorySectors = ((TableCount * sizeof(uint)) + VmdkConstants.SectorSize - 1) / VmdkConstants.SectorSize;
        RedundantDirectory = 1 + VmdkConstants.DescriptorSectors;
        RedundantTables = RedundantDirectory + directorySectors;
        Directory = RedundantTables + (TableCount * TableSectors);
        Tables = Directory + directorySectors;
        Overhead = (Tables + (TableCount * TableSectors) + GrainSectors - 1) / GrainSectors * GrainSectors;
        if (Overhead > uint.MaxValue)
        {
            throw new ArgumentException($"A disk of {length} bytes needs tables beyond the 2 TiB that the sectors of a sparse VMDK reach.", nameof(length));
        }
    }

    public long Sectors { get; }

    public long TableCount { get; }

    public long RedundantDirectory { get; }

    public long RedundantTables { get; }

    public long Directory { get; }

    public long Tables { get; }

    /// <summary>The first sector of grains.</summary>
    public long Overhead { get; }
}
