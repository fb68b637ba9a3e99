namespace CloudImage.Sdk.Disks;

/// <summary>Why an image names another file.</summary>
public enum DiskReferenceKind
{
    /// <summary>The disk that holds what this one leaves unmapped: a backing file, a parent.</summary>
    Parent = 0,

    /// <summary>A file that holds the content of this very disk: an extent, an external data file.</summary>
    Data = 1,
}
