namespace CloudImage.Sdk.Disks;

/// <summary>What a range of a virtual disk holds.</summary>
public enum DiskExtentKind
{
    /// <summary>Nothing of its own: ask the parent; zeros where there is none.</summary>
    Unmapped = 0,

    /// <summary>Zeros, known without reading.</summary>
    Zero = 1,

    /// <summary>Bytes that are stored, which may happen to be zeros.</summary>
    Data = 2,
}
