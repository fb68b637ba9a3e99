namespace CloudImage.Sdk.Disks;

/// <summary>A persistent dirty bitmap that a container keeps (qcow2).</summary>
public sealed class DiskBitmapInfo
{
    /// <summary>Name of the bitmap.</summary>
    public required string Name { get; init; }

    /// <summary>Bytes of the disk that one bit stands for.</summary>
    public required long Granularity { get; init; }

    /// <summary>Whether it is recording.</summary>
    public bool IsEnabled { get; init; }

    /// <summary>Whether it was in use when the image was last closed, so that its bits cannot be relied on.</summary>
    public bool IsInconsistent { get; init; }
}
