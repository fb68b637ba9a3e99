using CloudImage.Sdk.Disks;

namespace CloudImage.Sdk.Formats.Vmdk;

/// <summary>What the extents of one opened disk share: options, caches, and the memory that tables may still take.</summary>
internal sealed class VmdkDiskContext
{
    private long _spent;

    public VmdkDiskContext(DiskOpenOptions options) => Options = options;

    public DiskOpenOptions Options { get; }

    public DiskReadLimits Limits => Options.Limits;

    public VmdkTableCache Tables { get; } = new();

    public VmdkGrainCache Grains { get; } = new();

    /// <summary>Counts the memory of a directory against the limit of the whole disk.</summary>
    public void Spend(long bytes)
    {
        _spent += bytes;
        if (_spent > Limits.MaxMetadataMemory)
        {
            throw new DiskFormatException(VmdkConstants.FormatName, 0, $"The grain directories of the extents take more than {Limits.MaxMetadataMemory} bytes (DiskReadLimits.MaxMetadataMemory).");
        }
    }
}
