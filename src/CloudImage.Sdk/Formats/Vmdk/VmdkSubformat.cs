namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>The variants of VMDK that are written.</summary>
public enum VmdkSubformat
{
    /// <summary>One growing file: grains of 64 KiB, tables in front, descriptor inside.</summary>
    MonolithicSparse = 0,

    /// <summary>One compressed file that is written and read from front to back: what OVF packages carry and ESXi imports.</summary>
    StreamOptimized = 1,

    /// <summary>A descriptor and one file of plain content.</summary>
    MonolithicFlat = 2,

    /// <summary>A descriptor and growing files of 2 GiB of the disk each.</summary>
    TwoGbMaxExtentSparse = 3,

    /// <summary>A descriptor and files of plain content of 2 GiB each.</summary>
    TwoGbMaxExtentFlat = 4,
}
