namespace CloudImage.Sdk.Formats.Qcow2;

/// <summary>What a new qcow2 image reserves beforehand.</summary>
public enum Qcow2Preallocation
{
    /// <summary>Nothing: clusters come with their first write.</summary>
    Off = 0,

    /// <summary>A cluster for every part of the disk, in order; those that are never written stay holes of the file.</summary>
    Metadata = 1,
}
