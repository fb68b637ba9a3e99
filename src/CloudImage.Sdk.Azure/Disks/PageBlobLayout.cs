namespace CloudImage.Sdk.Azure.Disks;

/// <summary>What a new page blob holds.</summary>
public enum PageBlobLayout
{
    /// <summary>A fixed VHD: the disk, rounded up to whole MiB, and a footer of 512 bytes. What Azure takes for disks and images.</summary>
    FixedVhd = 0,

    /// <summary>The disk alone, rounded up to whole pages of 512 bytes.</summary>
    Raw = 1,
}
