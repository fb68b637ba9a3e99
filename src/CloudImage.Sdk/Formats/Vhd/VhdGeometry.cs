using System;

namespace CloudImage.Sdk.Formats.Vhd;

/// <summary>Cylinders, heads and sectors a track, as the appendix of the specification computes them from a size.</summary>
internal readonly struct VhdGeometry(int cylinders, int heads, int sectorsPerTrack)
{
    /// <summary>The most sectors a geometry can name: 65535 cylinders, 16 heads, 255 sectors.</summary>
    public const long MaxSectors = 65535L * 16 * 255;

    public int Cylinders { get; } = cylinders;

    public int Heads { get; } = heads;

    public int SectorsPerTrack { get; } = sectorsPerTrack;

    /// <summary>Sectors that the geometry names: usually fewer than the disk has.</summary>
    public long TotalSectors => (long)Cylinders * Heads * SectorsPerTrack;

    public static VhdGeometry Of(long length)
    {
        long sectors = Math.Min(length / VhdConstants.SectorSize, MaxSectors);
        if (sectors >= 65535L * 16 * 63)
        {
            return new VhdGeometry((int)(sectors / 255 / 16), 16, 255);
        }

        int sectorsPerTrack = 17;
        long cylindersTimesHeads = sectors / sectorsPerTrack;
        int heads = (int)Math.Max(4, (cylindersTimesHeads + 1023) / 1024);
        if (cylindersTimesHeads >= heads * 1024L || heads > 16)
        {
            sectorsPerTrack = 31;
            heads = 16;
            cylindersTimesHeads = sectors / sectorsPerTrack;
        }

        if (cylindersTimesHeads >= heads * 1024L)
        {
            sectorsPerTrack = 63;
            heads = 16;
            cylindersTimesHeads = sectors / sectorsPerTrack;
        }

        return new VhdGeometry((int)(cylindersTimesHeads / heads), heads, sectorsPerTrack);
    }
}
